import { join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import { dataset } from '../../host/config/units.ts';
import { run } from '../../host/run/run.ts';
import { createDataset, mountDataset } from '../../host/zfs/zfs.ts';

/**
 * File systems of a RAM-booted node, and what they are made with. Programs that change a password or a key wait for no disk;
 * `sync=always` makes their writes durable before they return. A refreservation lets a password be changed in a full pool.
 */
const DATASETS: ReadonlyArray<readonly [path: readonly [string, ...string[]], properties: Readonly<Record<string, string>>]> = [
  [['config', 'etc'], { sync: 'always', refreservation: '32M' }],
  [['home'], { sync: 'always' }],
  [['logs'], { quota: '2G' }],
  [['opt'], {}],
  [['var'], {}],
  [['cores'], { quota: '10G' }],
];

/** Where the datasets are mounted. */
export interface Stores {
  readonly etc: string;
  readonly home: string;
  readonly logs: string;
  readonly opt: string;
  readonly var: string;
  readonly cores: string;
}

/** The directories in which a node keeps what outlives a reboot. */
export function storesOf(node: Pick<Node, 'mountpoint' | 'paths'>): Stores {
  const at = (name: string): string => join(node.mountpoint, name);
  return { etc: join(node.paths.config, 'etc'), home: at('home'), logs: at('logs'), opt: at('opt'), var: at('var'), cores: at('cores') };
}

/** Make those that are not there, as in a pool of an older version, and mount those that are not mounted. */
export async function provideDatasets({ pool }: Pick<Node, 'pool'>): Promise<void> {
  const { stdout } = await run(['zfs', 'list', '-H', '-d', '2', '-t', 'filesystem', '-o', 'name,mounted', pool]);
  const mounted = new Map(stdout.split('\n').map((line) => line.split('\t') as [string, string]));
  await Promise.all(
    DATASETS.map(async ([path, properties]) => {
      const name = dataset(pool, ...path);
      if (!mounted.has(name)) await createDataset(name, properties);
      else if (mounted.get(name) === 'no') await mountDataset(name);
    }),
  );
}
