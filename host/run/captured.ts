import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

/**
 * Run a program that stays with this terminal, so that Ctrl-C reaches it as it reaches us, and keep all that it prints.
 * @returns its exit status, 1 when a signal ended it; its standard output, then its standard error
 */
export async function runCaptured([program, ...args]: readonly [string, ...string[]], environment: Readonly<Record<string, string>>): Promise<{ readonly status: number; readonly output: string }> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: environment });
  const texts = [child.stdout, child.stderr].map((stream: Readable) => text(stream));
  const [code] = (await once(child, 'close')) as [number | null];
  return { status: code ?? 1, output: (await Promise.all(texts)).join('') };
}
