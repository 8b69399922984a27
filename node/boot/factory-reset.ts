import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { dataset } from '../../host/config/units.ts';
import type { Node } from '../../host/config/node-config.ts';
import { isErrorCode, isSystemError } from '../../host/errors/errors.ts';
import { run } from '../../host/run/run.ts';
import { inheritProperties, setProperties } from '../../host/zfs/zfs.ts';
import { eraseDisk, eraseVdev, isOnlyOurs } from '../disks/erase.ts';

/** On a pool that the next boot destroys; its value is the uuid of the node whose pool it is. */
export const FACTORY_RESET = 'zonewright:factory-reset';

/** Let the next boot of a RAM-booted node destroy its pool, before anything is mounted. Until then nothing changes. */
export async function markForFactoryReset({ pool, serverUuid }: Pick<Node, 'pool' | 'serverUuid'>): Promise<void> {
  await setProperties(dataset(pool), { [FACTORY_RESET]: serverUuid });
}

/** Take that back. */
export async function unmarkForFactoryReset({ pool }: Pick<Node, 'pool'>): Promise<void> {
  await inheritProperties(dataset(pool), [FACTORY_RESET]);
}

/**
 * Destroy a pool that is imported and not mounted, and take what says that it was there off its disks. A disk that holds something else
 * besides loses only the pool's part.
 * @returns what was done, in a sentence
 */
export async function destroyForGood(pool: string): Promise<string> {
  const vdevs = await vdevsOf(pool);
  await destroyPool(pool);
  const disks = new Set<string>();
  for (const vdev of vdevs) {
    if (!(await isBlockDevice(vdev))) continue;
    const disk = await diskOf(vdev);
    if (await isOnlyOurs(disk)) disks.add(disk);
    else await eraseVdev(vdev);
  }
  for (const disk of disks) await eraseDisk(disk);
  return `factory reset: pool ${pool} is destroyed, ${vdevs.length === 1 ? 'its disk is' : `its ${vdevs.length} disks are`} empty`;
}

const BUSY_TRIES = 50;

/** What has only just been imported may still be looked at by the kernel. */
async function destroyPool(pool: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await run(['zpool', 'destroy', '-f', pool]);
      return;
    } catch (error) {
      if (tries === BUSY_TRIES || !isErrorCode(error, 'CommandFailed') || !/busy/.test(error.message)) throw error;
    }
    await sleep(200);
  }
}

/** Paths of the devices and files that a pool is made of. */
async function vdevsOf(pool: string): Promise<string[]> {
  const withPaths = await run(['zpool', 'status', '-P', pool], { acceptExitCodes: [0, 1, 2] });
  const { stdout } = withPaths.exitCode === 0 ? withPaths : await run(['zpool', 'status', pool]);
  // The pool itself is two blanks in, whatever is below it more.
  const names = [...stdout.matchAll(/^\t {2,}(\S+)\s+(?:ONLINE|DEGRADED|FAULTED|OFFLINE|REMOVED|UNAVAIL|AVAIL)\b/gm)].map(([, name = '']) => name);
  const paths = names.map((name) => (name.startsWith('/') ? name : `/dev/${name}`));
  const present = await Promise.all(paths.map((path) => stat(path).then(() => true, () => false)));
  return paths.filter((_, index) => present[index]);
}

async function isBlockDevice(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isBlockDevice();
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return false;
    throw error;
  }
}

/** The whole disk that a partition is of, or the disk itself. */
async function diskOf(device: string): Promise<string> {
  const { stdout } = await run(['lsblk', '--noheadings', '--nodeps', '--paths', '--output', 'PKNAME', '--', device]);
  return stdout.trim() === '' ? device : stdout.trim();
}
