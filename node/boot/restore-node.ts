import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { keptConfigPath, nodeConfigPath, readNode } from '../../host/config/node-config.ts';
import { dataset } from '../../host/config/units.ts';
import { ZonewrightError } from '../../host/errors/errors.ts';
import { readFileIfPresent, writeFileAtomically } from '../../host/files/atomic.ts';
import { run } from '../../host/run/run.ts';
import { exportPool, importPool, mountPool, poolsOnDisks, type ImportSource, type PoolOnDisks } from '../../host/zfs/pool.ts';
import { getProperties } from '../../host/zfs/zfs.ts';
import { nodeErrors } from '../errors.ts';
import { destroyForGood, FACTORY_RESET } from './factory-reset.ts';
import { isFactoryReset, kernelParameters, type KernelParameters } from './kernel-parameters.ts';
import type { Say } from './story.ts';

export interface RestoreOptions {
  readonly source?: ImportSource;
  readonly parameters?: KernelParameters;
  /** About pools that are passed over or destroyed. Default: standard output. */
  readonly say?: Say;
}

/**
 * On a host whose root is in memory: find the pool that is a node's, import it, and take the node's configuration out of it.
 * Disks that hold nothing of ours are left as they were found. A pool that was marked for it, or the one node's pool of a
 * machine that was started with `destroy_zpools=true`, is destroyed instead, before anything of it is mounted.
 * @returns the pool's name; undefined when this host is no node
 * @throws FactoryResetAmbiguous
 */
export async function restoreNode({ source = {}, parameters, say = (line) => process.stdout.write(`${line}\n`) }: RestoreOptions = {}): Promise<string | undefined> {
  if (existsSync(nodeConfigPath())) return (await readNode()).pool;
  await run(['modprobe', '--quiet', 'zfs'], { acceptExitCodes: [0, 1] });
  const resetAll = isFactoryReset(parameters ?? (await kernelParameters()));
  const doomed: PoolOnDisks[] = [];
  for (const pool of await poolsOnDisks(source)) {
    if (!(await tryImport(pool, { source, say }))) continue;
    const { owner, marked, mountpoint } = await factsOf(pool);
    if (owner && (resetAll || marked)) doomed.push(pool);
    else if (owner && doomed.length === 0 && (await takeConfig(pool.name, mountpoint))) return pool.name;
    await exportPool(pool.name);
  }
  if (resetAll && doomed.length > 1) throw nodeErrors.FactoryResetAmbiguous({ pools: doomed.map(({ name, id }) => `${name} (${id})`).join(', ') });
  for (const pool of doomed) {
    await importPool(pool.id, { ...source, force: true, unmounted: true });
    say(await destroyForGood(pool.name));
  }
  return undefined;
}

/** It is in this machine's disks, and this machine has only just started: nobody else has it. */
async function tryImport({ name, id, state }: PoolOnDisks, { source, say }: { readonly source: ImportSource; readonly say: Say }): Promise<boolean> {
  if (!/^[A-Za-z][\w.:-]*$/.test(name)) return false;
  try {
    await importPool(id, { ...source, force: true, unmounted: true });
    return true;
  } catch (error) {
    if (!(error instanceof ZonewrightError)) throw error;
    say(`pool ${name} (${state}) is left alone, it cannot be imported: ${error.message}`);
    return false;
  }
}

interface PoolFacts {
  /** Whether a node made it. */
  readonly owner: boolean;
  readonly marked: boolean;
  readonly mountpoint: string;
}

async function factsOf({ name }: PoolOnDisks): Promise<PoolFacts> {
  const { 'zonewright:node': owner = '-', [FACTORY_RESET]: marked = '-', mountpoint = 'none' } = (await getProperties(dataset(name), 'zonewright:node', FACTORY_RESET, 'mountpoint')) ?? {};
  return { owner: owner !== '-', marked: owner !== '-' && marked === owner, mountpoint };
}

/** @returns whether the pool has a node's configuration: one whose set-up was interrupted has none */
async function takeConfig(pool: string, mountpoint: string): Promise<boolean> {
  await mountPool(dataset(pool));
  const config = await readFileIfPresent(keptConfigPath(join(mountpoint, 'config')));
  if (config === undefined) return false;
  await mkdir(dirname(nodeConfigPath()), { recursive: true, mode: 0o755 });
  await writeFileAtomically(nodeConfigPath(), config, { durable: false, mode: 0o644 });
  return true;
}
