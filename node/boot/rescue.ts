import { dataset } from '../../host/config/units.ts';
import { run } from '../../host/run/run.ts';
import { poolsOnDisks, type ImportSource, type PoolOnDisks } from '../../host/zfs/pool.ts';
import { getProperties } from '../../host/zfs/zfs.ts';
import { nodeErrors } from '../errors.ts';

export interface RescuedPool extends PoolOnDisks {
  /** The node that made it. */
  readonly node: string | undefined;
}

/**
 * Import a pool to look at it or repair it, below a directory so that nothing of it gets in the way of this system.
 * @param options.pool its name; the only one there is unless given
 * @throws PoolUnclear
 */
export async function importForRescue({ pool, readonly, root = '/mnt', source = {} }: { readonly pool?: string; readonly readonly: boolean; readonly root?: string; readonly source?: ImportSource }): Promise<RescuedPool> {
  await run(['modprobe', '--quiet', 'zfs'], { acceptExitCodes: [0, 1] });
  const there = await poolsOnDisks(source);
  const fitting = there.filter(({ name }) => pool === undefined || name === pool);
  const [only] = fitting;
  if (!only || fitting.length > 1) throw nodeErrors.PoolUnclear({ wanted: pool ?? 'without a name', pools: there.map(({ name, state }) => `${name} (${state})`).join(', ') || 'none' });
  const where = source.directory === undefined ? [] : ['-d', source.directory];
  await run(['zpool', 'import', '-f', '-o', 'cachefile=none', ...(readonly ? ['-o', 'readonly=on'] : []), '-R', root, ...where, only.id]);
  const owner = (await getProperties(dataset(only.name), 'zonewright:node'))?.['zonewright:node'];
  return { ...only, node: owner === '-' ? undefined : owner };
}
