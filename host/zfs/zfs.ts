/**
 * Datasets. Every call is one `zfs` process with an argv array; names come from branded types, so none can be an option.
 * OpenZFS and zfs-fuse answer alike here; where they do not, `features.ts` says so.
 */
import { existsSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { isErrorCode } from '../errors/errors.ts';
import { hostErrors } from '../errors/host-errors.ts';
import type { Dataset } from '../config/units.ts';
import { withLock } from '../lock/lock.ts';
import { run } from '../run/run.ts';

export type Properties = Readonly<Record<string, string>>;

/** Create a file system with all its properties in the one command. Sizes are in bytes or with a unit: `10G`. */
export async function createDataset(name: Dataset, properties: Properties = {}): Promise<void> {
  await oneAtATime(() => run(['zfs', 'create', ...optionsOf(properties), name]));
}

/** Create a volume of this many bytes (rounded up to whole MiB); a sparse one takes no space until it is written to. */
export async function createVolume(name: Dataset, bytes: number, options: { readonly sparse?: boolean; readonly properties?: Properties } = {}): Promise<void> {
  const mebibytes = Math.ceil(bytes / 1024 ** 2);
  await run(['zfs', 'create', ...(options.sparse ? ['-s'] : []), ...optionsOf(options.properties ?? {}), '-V', `${mebibytes}M`, name]);
}

/** Clone `origin@snapshot` as `name` with all properties in the one command. */
export async function cloneDataset(origin: Dataset, snapshot: string, name: Dataset, properties: Properties = {}): Promise<void> {
  await oneAtATime(() => run(['zfs', 'clone', ...optionsOf(properties), `${origin}@${snapshot}`, name]));
}

export async function snapshotDataset(name: Dataset, snapshot: string): Promise<void> {
  await run(['zfs', 'snapshot', `${name}@${snapshot}`]);
}

export async function renameDataset(from: Dataset, to: Dataset): Promise<void> {
  await run(['zfs', 'rename', from, to]);
}

export async function renameSnapshot(name: Dataset, from: string, to: string): Promise<void> {
  await run(['zfs', 'rename', `${name}@${from}`, `${name}@${to}`]);
}

export async function setProperties(name: Dataset, properties: Properties): Promise<void> {
  for (const [property, value] of Object.entries(properties)) await run(['zfs', 'set', `${property}=${value}`, name]);
}

/** Let properties be those of the parent again. */
export async function inheritProperties(name: Dataset, properties: readonly string[]): Promise<void> {
  for (const property of properties) await run(['zfs', 'inherit', property, name]);
}

/** Take a snapshot, unless it is there, and keep everybody from destroying it: a held snapshot keeps its dataset too. */
export async function holdSnapshot(name: Dataset, snapshot: string, tag: string): Promise<void> {
  if (!(await listSnapshots(name)).includes(snapshot)) await snapshotDataset(name, snapshot);
  const { exitCode, stderr } = await run(['zfs', 'hold', tag, `${name}@${snapshot}`], { acceptExitCodes: [0, 1] });
  if (exitCode !== 0 && !/already exists/.test(stderr)) throw commandFailed('zfs hold', stderr);
}

/** Let go of a held snapshot and destroy it; it is no error when it is not held or not there. */
export async function releaseSnapshot(name: Dataset, snapshot: string, tag: string): Promise<void> {
  if (!(await listSnapshots(name)).includes(snapshot)) return;
  const { exitCode, stderr } = await run(['zfs', 'release', tag, `${name}@${snapshot}`], { acceptExitCodes: [0, 1] });
  if (exitCode !== 0 && !/no such tag/.test(stderr)) throw commandFailed('zfs release', stderr);
  await run(['zfs', 'destroy', `${name}@${snapshot}`]);
}

export async function mountDataset(name: Dataset): Promise<void> {
  await oneAtATime(() => run(['zfs', 'mount', name]));
}

/** Unmount a file system; it is no error when it is not mounted. @throws DatasetBusy */
export async function unmountDataset(name: Dataset): Promise<void> {
  await untilNotBusy(name, async () => {
    const { exitCode, stderr } = await oneAtATime(() => run(['zfs', 'unmount', name], { acceptExitCodes: [0, 1] }));
    if (exitCode !== 0 && !/not currently mounted|does not exist/.test(stderr)) throw commandFailed('zfs unmount', stderr);
  });
}

export interface DestroyOptions {
  /** Also its snapshots and children. Never its clones: a dataset that others stand on is refused. */
  readonly recursive?: boolean;
  /** Where it is mounted. zfs-fuse learns a moment late that somebody unmounted, and finds busy what `zfs destroy` itself has unmounted. */
  readonly mountedAt?: string;
}

/**
 * Destroy a dataset; it is no error when it is gone already. A dataset stays busy for a moment after its last user, so
 * this waits for that instead of failing.
 * @throws DatasetBusy after half a minute, CommandFailed when it has dependents.
 */
export async function destroyDataset(name: Dataset, { recursive = false, mountedAt }: DestroyOptions = {}): Promise<void> {
  // Whether that succeeds is for `zfs destroy` to say.
  if (mountedAt !== undefined && !isZfsInKernel()) await oneAtATime(() => run(['umount', '--', mountedAt], { acceptExitCodes: [0, 1, 32] }));
  await untilNotBusy(name, async () => {
    const argv: [string, ...string[]] = ['zfs', 'destroy', ...(recursive ? ['-r'] : []), name];
    const { exitCode, stderr } = await oneAtATime(() => run(argv, { acceptExitCodes: [0, 1] }));
    if (exitCode !== 0 && !/does not exist/.test(stderr)) throw commandFailed('zfs destroy', stderr);
  });
}

/** Values of properties, unparsed (sizes in bytes); undefined when the dataset does not exist. `-` and `none` stay as they are. */
export async function getProperties<const Names extends readonly string[]>(
  name: Dataset | `${Dataset}@${string}`,
  ...properties: Names
): Promise<Record<Names[number], string> | undefined> {
  const { stdout, exitCode, stderr } = await run(['zfs', 'get', '-Hp', '-o', 'property,value', properties.join(','), name], { acceptExitCodes: [0, 1] });
  if (exitCode !== 0) {
    if (/does not exist/.test(stderr)) return undefined;
    throw commandFailed('zfs get', stderr);
  }
  return Object.fromEntries(rowsOf(stdout).map(([property, value]) => [property, value])) as Record<Names[number], string>;
}

export async function datasetExists(name: Dataset): Promise<boolean> {
  return (await getProperties(name, 'name')) !== undefined;
}

/** File systems and volumes directly below a dataset, with the columns asked for (sizes in human units on zfs-fuse). */
export async function listChildren<const Columns extends readonly string[]>(parent: Dataset, ...columns: Columns): Promise<Array<Record<Columns[number], string>>> {
  const { stdout } = await run(['zfs', 'list', '-H', '-t', 'filesystem,volume', '-d', '1', '-o', ['name', ...columns].join(','), parent]);
  return rowsOf(stdout)
    .filter(([name]) => name !== parent)
    .map((row) => Object.fromEntries(columns.map((column, index) => [column, row[index + 1] ?? '-'])) as Record<Columns[number], string>);
}

/** Snapshots of one dataset, oldest first, by the part after `@`. */
export async function listSnapshots(name: Dataset): Promise<string[]> {
  const { stdout } = await run(['zfs', 'list', '-H', '-t', 'snapshot', '-d', '1', '-o', 'name', '-s', 'creation', name]);
  return rowsOf(stdout).map(([snapshot]) => (snapshot ?? '').slice(name.length + 1));
}

/** Every clone in a pool with the snapshot it was cloned from. Not for hot paths: it asks every dataset for its origin. */
export async function listOrigins(pool: Dataset): Promise<Array<{ readonly name: Dataset; readonly origin: string }>> {
  const { stdout } = await run(['zfs', 'list', '-H', '-r', '-t', 'filesystem,volume', '-o', 'name,origin', pool]);
  return rowsOf(stdout)
    .map(([name, origin]) => ({ name: name as Dataset, origin: origin ?? '-' }))
    .filter(({ origin }) => origin !== '-');
}

/** Names of the datasets that were cloned from `name@snapshot`, anywhere in the pool. Not for hot paths either. */
export async function listClones(pool: Dataset, name: Dataset, snapshot: string): Promise<Dataset[]> {
  return (await listOrigins(pool)).filter(({ origin }) => origin === `${name}@${snapshot}`).map((clone) => clone.name);
}

export interface ReceiveOptions {
  readonly properties: Properties;
  /** `receive -u -o`: taken from `ZfsFeatures.receiveUnmounted`. */
  readonly unmounted: boolean;
}

/** Receive a stream as a new dataset. Where the implementation cannot pin properties at once they are set right after. */
export async function receiveDataset(name: Dataset, stream: Readable, options: ReceiveOptions): Promise<void> {
  const pinned = options.unmounted ? ['-u', ...optionsOf(options.properties)] : [];
  await run(['zfs', 'receive', ...pinned, name], { input: stream });
  if (!options.unmounted) await setProperties(name, options.properties);
}

/** Bytes that a pool can still take. */
export async function availableBytes(name: Dataset): Promise<number> {
  return Number((await getProperties(name, 'available'))?.available ?? 0);
}

function isZfsInKernel(): boolean {
  return existsSync('/dev/zfs');
}

/**
 * zfs-fuse has been seen to hang when two commands mount at the same moment: each waits in the daemon for the other's
 * mount. The kernel's ZFS has no such trouble, and no lock here.
 */
function oneAtATime<Result>(work: () => Promise<Result>): Promise<Result> {
  if (isZfsInKernel()) return work();
  return withLock({ scope: '/run/zfs', name: 'mounts', action: 'another mount' }, work);
}

function optionsOf(properties: Properties): string[] {
  return Object.entries(properties).flatMap(([property, value]) => ['-o', `${property}=${value}`]);
}

function rowsOf(stdout: string): string[][] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'));
}

function commandFailed(program: string, stderr: string): Error {
  return hostErrors.CommandFailed({ program, outcome: 'exit code 1', reason: stderr.trim() });
}

const BUSY_SECONDS = 30;

async function untilNotBusy(name: Dataset, attempt: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + BUSY_SECONDS * 1000;
  for (let pause = 5; ; pause = Math.min(pause * 2, 250)) {
    try {
      await attempt();
      return;
    } catch (error) {
      const busy = isErrorCode(error, 'CommandFailed') && /busy/.test(error.message);
      if (!busy) throw error;
      if (Date.now() >= deadline) throw hostErrors.DatasetBusy({ dataset: name, seconds: BUSY_SECONDS }, { cause: error });
    }
    await sleep(pause);
  }
}
