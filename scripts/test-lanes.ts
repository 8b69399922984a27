import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

/**
 * Run programs, some at a time; what each prints comes as a whole when it has ended, so that lines of two are never mixed.
 * @param programs by the name of what each is for
 * @param isOver asked before each further start, so that Ctrl-C ends the row; those that run get it from the terminal
 * @returns exit status by name; those that were never started are left out
 */
export async function runInLanes(programs: ReadonlyMap<string, readonly [string, ...string[]]>, lanes: number, isOver: () => boolean): Promise<Map<string, number>> {
  const waiting = [...programs];
  const ended = new Map<string, number>();
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined && !isOver(); next = waiting.shift()) {
      const [name, argv] = next;
      const { status, output } = await runQuietly(argv);
      process.stdout.write(output);
      ended.set(name, status);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return ended;
}

async function runQuietly([program, ...args]: readonly [string, ...string[]]): Promise<{ readonly status: number; readonly output: string }> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = [child.stdout, child.stderr].map((stream: Readable) => text(stream));
  const [code] = (await once(child, 'close')) as [number | null];
  return { status: code ?? 1, output: (await Promise.all(texts)).join('') };
}
