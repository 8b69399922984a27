import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { keptConfigPath, nodeConfigPath } from '../../host/config/node-config.ts';
import { dataset } from '../../host/config/units.ts';
import { readFileIfPresent, writeFileAtomically } from '../../host/files/atomic.ts';
import { run } from '../../host/run/run.ts';
import { exportPool, importablePools, importPool, mountPool } from '../../host/zfs/pool.ts';
import { getProperties } from '../../host/zfs/zfs.ts';

/** Says on a host that its root is in memory: the platform image it was booted from. */
export const PLATFORM_FILE = '/etc/zonewright-platform';

/**
 * On a host whose root is in memory: find the pool that is a node's, import it, and take the node's configuration out of it.
 * Disks that hold nothing of ours are left as they were found.
 * @returns the pool's name; undefined when this host is no node yet, is not RAM-booted, or was told not to look (`noimport`)
 */
export async function restoreNode(): Promise<string | undefined> {
  if (!existsSync(PLATFORM_FILE) || existsSync(nodeConfigPath()) || (await isRescue())) return undefined;
  await run(['modprobe', 'zfs']);
  for (const pool of await importablePools()) {
    // It is in this machine's disks, and this machine has only just started: nobody else has it.
    await importPool(pool, { force: true, unmounted: true });
    const config = await configIn(pool);
    if (config !== undefined) {
      await mkdir(dirname(nodeConfigPath()), { recursive: true, mode: 0o755 });
      await writeFileAtomically(nodeConfigPath(), config, { durable: false, mode: 0o644 });
      return pool;
    }
    await exportPool(pool);
  }
  return undefined;
}

async function configIn(pool: string): Promise<string | undefined> {
  const properties = await getProperties(dataset(pool), 'zonewright:node', 'mountpoint');
  if (!properties || properties['zonewright:node'] === '-') return undefined;
  await mountPool(dataset(pool));
  return readFileIfPresent(keptConfigPath(join(properties.mountpoint, 'config')));
}

async function isRescue(): Promise<boolean> {
  const words = ((await readFileIfPresent('/proc/cmdline')) ?? '').trim().split(' ');
  return words.some((word) => word === 'noimport' || word === 'noimport=true');
}
