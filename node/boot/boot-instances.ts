import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadNode, type Node } from '../../host/config/node-config.ts';
import { readFileIfPresent } from '../../host/files/atomic.ts';
import type { Engine } from '../../vmadm/engine.ts';
import { openEngine } from '../../vmadm/open-engine.ts';

/** What became of one instance; each reports its own result. */
export interface Booted {
  readonly uuid: string;
  readonly outcome: string;
  readonly failed: boolean;
}

/** How many boot at a time: a boot is mostly waiting, but the disk is one. */
const AT_ONCE = 4;

/**
 * Boot every stopped instance whose `autoboot` is true, once per start of the host: one that shut itself down since is
 * left alone, and so is everything when this is called again.
 * @param by the node and the engine that boots them, when the caller has them already
 */
export async function bootInstances(by?: { readonly node: Node; readonly engine: Engine }): Promise<Booted[]> {
  const node = by?.node ?? (await loadNode());
  const marker = join(node.runDirectory, 'booted');
  const bootId = await readFileIfPresent('/proc/sys/kernel/random/boot_id');
  if (bootId !== undefined && (await readFileIfPresent(marker)) === bootId) return [];
  const engine = by?.engine ?? (await openEngine({ node }));
  const waiting = (await engine.list()).filter(({ autoboot, state }) => autoboot === true && state === 'stopped').map(({ uuid }) => uuid);
  const results: Booted[] = [];
  const worker = async (): Promise<void> => {
    for (let uuid = waiting.shift(); uuid !== undefined; uuid = waiting.shift()) results.push(await boot(uuid));
  };
  const boot = async (uuid: string): Promise<Booted> => {
    try {
      return { uuid, outcome: (await engine.start(uuid)) === 'done' ? 'booted' : 'runs already', failed: false };
    } catch (error) {
      return { uuid, outcome: error instanceof Error ? error.message : String(error), failed: true };
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  await writeFile(marker, bootId ?? '', { mode: 0o600 });
  return results;
}
