import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import { dataset } from '../../host/config/units.ts';
import { hierarchies } from '../../host/cgroup/hierarchies.ts';
import { run } from '../../host/run/run.ts';
import { listChildren } from '../../host/zfs/zfs.ts';

/** Everything on the host that an instance could leave behind. */
export interface Traces {
  readonly datasets: readonly string[];
  readonly instances: readonly string[];
  readonly journal: readonly string[];
  readonly runtime: readonly string[];
  readonly cgroups: readonly string[];
  readonly interfaces: readonly string[];
  readonly chains: readonly string[];
  readonly processes: readonly string[];
}

/** Look at all of it, for one node. Interfaces and chains are those of the whole sandbox, so one test at a time looks. */
export async function tracesOn(node: Node, uuid: string): Promise<Traces> {
  // `.sync` is how durability is had where the sync of a directory does nothing (host/files/atomic.ts).
  const names = async (directory: string): Promise<string[]> => (await readdir(directory)).filter((name) => name !== '.sync').sort();
  const children = await listChildren(dataset(node.pool), 'name');
  return {
    datasets: children.map(({ name }) => name.slice(node.pool.length + 1)).filter((name) => name.includes(uuid)),
    instances: (await names(node.paths.instances)).filter((name) => name.includes(uuid) || name.startsWith('.')),
    journal: await names(node.paths.journal),
    runtime: (await names(node.paths.lxc)).filter((name) => name.includes(uuid)),
    cgroups: await groupsNamed(node, uuid),
    ...(await networkTraces(uuid)),
    processes: await processesNaming(uuid),
  };
}

export const NO_TRACES: Traces = { datasets: [], instances: [], journal: [], runtime: [], cgroups: [], interfaces: [], chains: [], processes: [] };

async function groupsNamed(node: Node, uuid: string): Promise<string[]> {
  const found = await Promise.all(
    hierarchies().map(async ({ directory }) => {
      const path = join(directory, node.cgroup);
      const entries = await readdir(path).catch(() => []);
      return entries.filter((entry) => entry.includes(uuid)).map((entry) => join(path, entry));
    }),
  );
  return found.flat();
}

async function networkTraces(uuid: string): Promise<Pick<Traces, 'interfaces' | 'chains'>> {
  const { hostInterfaceName } = await import('../../host/net/names.ts');
  const own = [0, 1, 2].map((index) => hostInterfaceName(uuid, index));
  const links = (await run(['ip', '-o', 'link'])).stdout;
  const rules = (await run(['nft', 'list', 'chains'])).stdout;
  return { interfaces: own.filter((name) => links.includes(`${name}@`)), chains: own.filter((name) => rules.includes(`chain ${name} `)) };
}

async function processesNaming(uuid: string): Promise<string[]> {
  const { stdout } = await run(['ps', '-eo', 'args']);
  return stdout.split('\n').filter((line) => line.includes(uuid) && line.includes('lxc'));
}
