/** Pools. Names are checked before they come here; vdevs are absolute paths, so neither can be read as an option. */
import { existsSync } from 'node:fs';
import type { Dataset } from '../config/units.ts';
import { hostErrors } from '../errors/host-errors.ts';
import { run } from '../run/run.ts';
import type { Properties } from './zfs.ts';

export interface PoolFacts {
  readonly name: string;
  /** `ONLINE`, `DEGRADED`, `FAULTED` … */
  readonly health: string;
  /** In human units, as ZFS prints them. */
  readonly size: string;
  readonly free: string;
}

/** An imported pool's facts, undefined when there is no such pool. */
export async function findPool(name: string): Promise<PoolFacts | undefined> {
  const { stdout, stderr, exitCode } = await run(['zpool', 'list', '-H', '-o', 'health,size,free', name], { acceptExitCodes: [0, 1] });
  if (exitCode === 0) {
    const [health = '', size = '', free = ''] = stdout.trim().split('\t');
    return { name, health, size, free };
  }
  if (/no such pool/.test(stderr)) return undefined;
  throw hostErrors.CommandFailed({ program: 'zpool list', outcome: 'exit code 1', reason: stderr.trim() });
}

export interface NewPool {
  readonly name: string;
  /** Absolute paths of disks or files, with words like `mirror` before those that belong together. */
  readonly vdevs: readonly string[];
  readonly mountpoint: string;
  readonly properties: Properties;
}

/**
 * Create a pool. It is in no cache file, so that nothing but us brings it back after a reboot: mounted, and not before
 * what it lies on is there.
 */
export async function createPool({ name, vdevs, mountpoint, properties }: NewPool): Promise<void> {
  const options = Object.entries(properties).flatMap(([property, value]) => ['-O', `${property}=${value}`]);
  await run(['zpool', 'create', '-o', 'cachefile=none', ...options, '-m', mountpoint, name, ...vdevs]);
}

/** Where pools to import are looked for: the host's disks unless a directory of files is given. */
export interface ImportSource {
  readonly directory?: string;
}

/** Whether a pool of this name could be imported. */
export async function isImportable(name: string, source: ImportSource = {}): Promise<boolean> {
  return (await importablePools(source)).includes(name);
}

/** Names of the pools that could be imported. */
export async function importablePools(source: ImportSource = {}): Promise<string[]> {
  return (await poolsOnDisks(source)).map(({ name }) => name);
}

/** A pool that is on disks and not imported. */
export interface PoolOnDisks {
  readonly name: string;
  /** Tells apart those of one name; `importPool` takes it too. */
  readonly id: string;
  /** `ONLINE`, `DEGRADED`, `UNAVAIL` … */
  readonly state: string;
}

/** The pools that are there and not imported, whether they can be or not. */
export async function poolsOnDisks(source: ImportSource = {}): Promise<PoolOnDisks[]> {
  const { stdout } = await run(['zpool', 'import', ...whereOf(source)], { acceptExitCodes: [0, 1] });
  return [...stdout.matchAll(/^\s*pool: (\S+)\n\s*id: (\d+)\n\s*state: (\S+)/gm)].map(([, name = '', id = '', state = '']) => ({ name, id, state }));
}

/** Give a pool back, unmounted, for another host or another import. */
export async function exportPool(name: string): Promise<void> {
  await run(['zpool', 'export', name]);
}

/**
 * Import a pool and mount its file systems.
 * @param options.force also when it was not exported, as after a power cut: only for a pool that no other host can have.
 * @param options.unmounted leave its file systems unmounted; zfs-fuse, on which no root in memory stands, cannot
 */
export async function importPool(name: string, options: ImportSource & { readonly force?: boolean; readonly unmounted?: boolean } = {}): Promise<void> {
  await run(['zpool', 'import', '-o', 'cachefile=none', ...(options.force ? ['-f'] : []), ...(options.unmounted && existsSync('/dev/zfs') ? ['-N'] : []), ...whereOf(options), name]);
}

/** Mount those file systems of a pool that should be and are not. @returns how many */
export async function mountPool(pool: Dataset): Promise<number> {
  const { stdout } = await run(['zfs', 'list', '-H', '-r', '-t', 'filesystem', '-o', 'name,mounted,canmount,mountpoint', pool]);
  const rows = stdout.split('\n').map((line) => line.split('\t'));
  const waiting = rows.filter(([, mounted, canmount, mountpoint]) => mounted === 'no' && canmount === 'on' && mountpoint?.startsWith('/'));
  for (const [name = ''] of waiting) await run(['zfs', 'mount', name]);
  return waiting.length;
}

function whereOf({ directory }: ImportSource): string[] {
  return directory === undefined ? [] : ['-d', directory];
}
