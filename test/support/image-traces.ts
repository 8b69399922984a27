import { readdir, readFile } from 'node:fs/promises';
import type { Node } from '../../host/config/node-config.ts';
import { run } from '../../host/run/run.ts';

/** Everything that imgadm could leave behind on a node. */
export interface ImageTraces {
  readonly datasets: readonly string[];
  readonly records: readonly string[];
  readonly journal: readonly string[];
  readonly mounts: readonly string[];
  readonly mountpoints: readonly string[];
}

export async function imageTraces(node: Node): Promise<ImageTraces> {
  const names = async (directory: string): Promise<string[]> => (await readdir(directory)).filter((name) => name !== '.sync').sort();
  const { stdout } = await run(['zfs', 'list', '-H', '-r', '-t', 'all', '-o', 'name', node.pool]);
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' ')[1] ?? '');
  return {
    datasets: stdout.split('\n').filter((name) => name !== ''),
    records: await names(node.paths.images),
    journal: await names(node.paths.journal),
    mounts: mounts.filter((path) => path.startsWith(`${node.mountpoint}/`)),
    mountpoints: await names(node.mountpoint),
  };
}
