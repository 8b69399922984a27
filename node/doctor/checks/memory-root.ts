import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { PLATFORM_FILE } from '../../../host/config/platform.ts';
import { limited, ok, type Answer, type Check } from '../check.ts';

const WARN_ABOVE = 0.8;

export const MEMORY_ROOT_CHECKS: readonly Check[] = [
  {
    name: 'root file system',
    async probe() {
      if (!existsSync(PLATFORM_FILE)) return ok('on a disk');
      return memoryRootAnswer(await statfs('/'));
    },
  },
];

/** What to say about a root in memory that is so full. */
export function memoryRootAnswer({ blocks, bavail, bsize }: { readonly blocks: number; readonly bavail: number; readonly bsize: number }): Answer {
  const mebibytes = (count: number): number => Math.round((count * bsize) / 1024 ** 2);
  const fact = `in memory, ${mebibytes(blocks - bavail)} of ${mebibytes(blocks)} MiB written`;
  if (blocks - bavail <= blocks * WARN_ABOVE) return ok(fact);
  return limited(fact, 'Find what fills it with `zonewright config lost`, and move that to /opt or /var, which lie in the pool.');
}
