import { existsSync } from 'node:fs';
import { nodeConfigPath } from '../../host/config/node-config.ts';
import { dataset, isUuid } from '../../host/config/units.ts';
import { isErrorCode } from '../../host/errors/errors.ts';
import { run } from '../../host/run/run.ts';
import { exportPool, importPool, poolsOnDisks, type ImportSource } from '../../host/zfs/pool.ts';
import { getProperties } from '../../host/zfs/zfs.ts';

/**
 * Pools that a set-up made and did not come to finish, by name: a node made them, and neither instances nor images are in them. Called on a
 * machine that is no node, where a pool with a node's configuration would have made it one.
 */
export async function findUnfinishedPools(source: ImportSource = {}): Promise<string[]> {
  const { exitCode } = await run(['modprobe', '--quiet', 'zfs'], { acceptExitCodes: [0, 1] });
  if (exitCode !== 0 && source.directory === undefined) return [];
  await giveBackUnfinished();
  const found: string[] = [];
  for (const { name, id, state } of await poolsOnDisks(source)) {
    if (state !== 'ONLINE' || !/^[A-Za-z][\w.:-]*$/.test(name)) continue;
    try {
      await importPool(id, { ...source, force: true, unmounted: true });
    } catch (error) {
      if (isErrorCode(error, 'CommandFailed')) continue;
      throw error;
    }
    if (await isUnfinished(name)) found.push(name);
    await exportPool(name);
  }
  return found;
}

/** What failed half-way in this very boot has its pool still in use. */
async function giveBackUnfinished(): Promise<void> {
  const { stdout } = await run(['zpool', 'list', '-H', '-o', 'name'], { acceptExitCodes: [0, 1] });
  for (const name of stdout.split('\n')) if (/^[A-Za-z][\w.:-]*$/.test(name) && !existsSync(nodeConfigPath()) && (await isUnfinished(name))) await exportPool(name);
}

async function isUnfinished(pool: string): Promise<boolean> {
  const owner = (await getProperties(dataset(pool), 'zonewright:node'))?.['zonewright:node'] ?? '-';
  const { stdout } = await run(['zfs', 'list', '-H', '-r', '-o', 'name', pool]);
  const names = stdout.split('\n').map((line) => line.slice(pool.length + 1)).filter((name) => name !== '');
  return isUuid(owner) && names.every((name) => MADE_BY_SETUP.has(name.split('/')[0] ?? '')) && !names.some((name) => isUuid(name.split('/').at(-1) ?? ''));
}

/** Datasets that come into being before anybody could put something of his own into them. */
const MADE_BY_SETUP = new Set(['config', 'opt', 'var', 'cores', 'swap', 'logs', 'home', 'boot']);
