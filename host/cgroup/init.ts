import { isSystemError } from '../errors/errors.ts';
import { readFileIfPresent } from '../files/atomic.ts';
import { processesIn } from './groups.ts';

/**
 * The first process of whatever runs in a group, as the host numbers it: the one that is number 1 in the outermost pid
 * namespace of the group. Undefined when nothing runs there.
 */
export async function initOf(group: string): Promise<number | undefined> {
  const inits: Array<{ pid: number; depth: number }> = [];
  for (const pid of await processesIn(group)) {
    const numbers = await pidNumbers(pid);
    if (numbers?.at(-1) === '1') inits.push({ pid, depth: numbers.length });
  }
  return inits.sort((one, other) => one.depth - other.depth)[0]?.pid;
}

async function pidNumbers(pid: number): Promise<string[] | undefined> {
  const status = await readFileIfPresent(`/proc/${pid}/status`).catch((error: unknown) => {
    if (isSystemError(error, 'ESRCH')) return undefined;
    throw error;
  });
  return status === undefined ? undefined : /^NSpid:\t(.*)$/m.exec(status)?.[1]?.split('\t');
}
