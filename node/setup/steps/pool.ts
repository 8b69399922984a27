import { existsSync } from 'node:fs';
import { mkdir, open, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { dataset } from '../../../host/config/units.ts';
import { isSystemError } from '../../../host/errors/errors.ts';
import { isZfsDaemonUp } from '../../../host/zfs/daemon.ts';
import { createPool, findPool, importPool, isImportable, mountPool } from '../../../host/zfs/pool.ts';
import { getProperties, setProperties } from '../../../host/zfs/zfs.ts';
import { requireUsableDisks } from '../../../host/zfs/disks.ts';
import { nodeErrors } from '../../errors.ts';
import { isPartitionedForNothing, partitionForBoot, requireBootableDisk } from '../../platform/partition-for-boot.ts';
import { poolFileSize } from '../options.ts';
import { ready, wanting, type Finding, type Setup, type SetupStep } from '../step.ts';
import { hasModule } from './zfs.ts';

/** Says whose a pool is: the uuid of its node. */
const OWNER = 'zonewright:node';

/** The pool: the one there is when it is this node's, imported when it is not, made when there is none. */
export const poolStep: SetupStep = {
  name: 'pool',
  async inspect(setup) {
    const { pool } = setup.options;
    if (!(await zfsAnswers())) return inspectNewPool(setup, `bring up pool ${pool}`);
    const found = await findPool(pool);
    if (!found) return inspectNewPool(setup, (await importable(setup)) ? `import pool ${pool}` : undefined);
    await requireMayUse(setup);
    if ((await ownerOf(pool)) !== setup.serverUuid) requireNoNewSource(setup);
    const { mounted } = (await getProperties(dataset(pool), 'mounted')) ?? {};
    if (mounted === 'no') return wanting(`mount pool ${pool}`);
    return (await ownerOf(pool)) === setup.serverUuid ? ready(`${pool}: ${found.size}, ${found.health}`) : wanting(`take over pool ${pool}`);
  },
  async perform(setup) {
    const { pool } = setup.options;
    const what = (await findPool(pool)) ? 'taken over' : (await importable(setup)) ? await importOurs(setup) : await createOurs(setup);
    await requireMayUse(setup);
    if ((await ownerOf(pool)) !== setup.serverUuid) await setProperties(dataset(pool), { [OWNER]: setup.serverUuid });
    await mountPool(dataset(pool));
    return `${pool} ${what}`;
  },
};

async function zfsAnswers(): Promise<boolean> {
  return (await hasModule()) || (await isZfsDaemonUp());
}

/** Check that a pool could be made, when it would have to be. */
async function inspectNewPool(setup: Setup, existing: string | undefined): Promise<Finding> {
  const { pool, disks, file, size, bootable } = setup.options;
  if (existing !== undefined && (setup.last || (file !== undefined && (await sizeOf(file)) > 0))) return wanting(existing);
  if (setup.last) throw poolGone(setup);
  if (disks.length > 0) {
    await requireUsableDisks(bootable ? await withoutUnfinished(disks) : disks);
    if (bootable) await Promise.all(disks.map(requireBootableDisk));
    return wanting(`make pool ${pool} on ${disks.join(', ')}${bootable ? ', with boot partitions' : ''}`);
  }
  if (file === undefined) throw nodeErrors.PoolGone({ pool, where: '' }, { hint: 'Give it disks (--disk) or a file (--file) to be made on.' });
  await requireFreshFile(file);
  const gibibytes = (await poolFileSize(file, size)) / 1024 ** 3;
  return wanting(`make pool ${pool} in ${file} (${gibibytes} GiB, sparse)`);
}

async function importable({ options: { pool, file } }: Setup): Promise<boolean> {
  if (file === undefined) return isImportable(pool);
  return (await sizeOf(file)) > 0 && isImportable(pool, { directory: dirname(file) });
}

async function importOurs({ options: { pool, file }, last }: Setup): Promise<string> {
  // A file on this host, or the pool that this host had before it went down: nobody else can be using it.
  await importPool(pool, { force: last !== undefined || file !== undefined, ...(file === undefined ? {} : { directory: dirname(file) }) });
  return 'imported';
}

async function createOurs(setup: Setup): Promise<string> {
  const { pool, disks, layout, file, size, mountpoint, bootable } = setup.options;
  if (setup.last) throw poolGone(setup);
  const properties = { [OWNER]: setup.serverUuid, atime: 'off', devices: 'off', ...((await hasModule()) ? OPENZFS_PROPERTIES : {}) };
  if (disks.length > 0) {
    const vdevs = bootable ? await partitioned(disks) : disks;
    await createPool({ name: pool, vdevs: layout === 'single' ? vdevs : [layout, ...vdevs], mountpoint, properties });
    return `made on ${disks.join(', ')}${disks.length > 1 ? `, ${layout}` : ''}`;
  }
  if (file === undefined) throw new Error('a new pool has neither disks nor a file');
  await makeSparseFile(file, await poolFileSize(file, size));
  await createPool({ name: pool, vdevs: [file], mountpoint, properties });
  await rm(unfinishedMark(file), { force: true });
  return `made in ${file}`;
}

/** Disks that an earlier setup partitioned before it was cut off are as good as empty ones. */
async function withoutUnfinished(disks: readonly string[]): Promise<string[]> {
  const unfinished = await Promise.all(disks.map(isPartitionedForNothing));
  return disks.filter((_, index) => unfinished[index] !== true);
}

async function partitioned(disks: readonly string[]): Promise<string[]> {
  const partitions: string[] = [];
  for (const disk of disks) partitions.push((await partitionForBoot(disk)).pool);
  return partitions;
}

/** Lies beside a pool file while the pool in it is being made: a power cut then costs nothing but another try. */
function unfinishedMark(file: string): string {
  return `${file}.unfinished`;
}

/**
 * What zones expect of a file system and zfs-fuse does not have; and no partitions of volumes. Volumes say so themselves too, but
 * of a new one ZFS makes the device before it looks at its own properties, and then has to make it again.
 */
const OPENZFS_PROPERTIES = { compression: 'lz4', xattr: 'sa', acltype: 'posixacl', volmode: 'dev' };

async function makeSparseFile(path: string, bytes: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  await writeFile(unfinishedMark(path), '', { mode: 0o600 });
  const file = await open(path, 'w', 0o600);
  try {
    await file.truncate(bytes);
  } finally {
    await file.close();
  }
}

/** A file that a setup did not come to finish is as good as a new one; any other with content is somebody's. */
async function requireFreshFile(path: string): Promise<void> {
  if (existsSync(unfinishedMark(path))) return;
  try {
    const facts = await stat(path);
    if (!facts.isFile()) throw nodeErrors.PoolFileUnusable({ path, reason: 'it is not a file' });
    if (facts.blocks > 0) throw nodeErrors.PoolFileUnusable({ path, reason: 'it has content but no pool of this name' });
  } catch (error) {
    if (!isSystemError(error, 'ENOENT', 'ENOTDIR')) throw error;
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).blocks;
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return 0;
    throw error;
  }
}

async function requireMayUse({ options: { pool, adopt }, serverUuid }: Setup): Promise<void> {
  const owner = await ownerOf(pool);
  if (owner === serverUuid || adopt) return;
  if (owner === undefined) throw nodeErrors.PoolNotOurs({ pool });
  throw nodeErrors.PoolOfAnotherNode({ pool, owner, node: serverUuid });
}

async function ownerOf(pool: string): Promise<string | undefined> {
  const owner = (await getProperties(dataset(pool), OWNER))?.[OWNER];
  return owner === '-' ? undefined : owner;
}

function requireNoNewSource({ options: { pool, disks, size } }: Setup): void {
  if (disks.length > 0) throw nodeErrors.PoolSourceConflict({ pool, option: '--disk' });
  if (size !== undefined) throw nodeErrors.PoolSourceConflict({ pool, option: '--size' });
}

function poolGone({ options: { pool, file } }: Setup) {
  return nodeErrors.PoolGone({ pool, where: file === undefined ? '' : ` in ${file}` });
}
