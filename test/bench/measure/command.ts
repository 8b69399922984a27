import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A program that is measured from its start to its end. */
export interface Command {
  readonly argv: readonly [string, ...string[]];
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
}

export interface Taken {
  /** Milliseconds. */
  readonly wall: number;
  /** Milliseconds of its own and of everything that it started and waited for; other children of ours must not end meanwhile. */
  readonly cpu: number;
  readonly output: string;
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Run a program. @throws with its last words when it fails */
export async function timed({ argv: [program, ...args], environment, input }: Command): Promise<Taken> {
  const directory = await mkdtemp(join(process.env['ZONEWRIGHT_SANDBOX'] ?? tmpdir(), 'zonewright-bench-'));
  // Not a pipe: what it leaves running would keep that open.
  const file = await open(join(directory, 'output'), 'w');
  const cpu = childrenCpu();
  const began = performance.now();
  const child = spawn(program, args, { env: { PATH, LC_ALL: 'C.UTF-8', HOME: '/root', ...environment }, stdio: ['pipe', file.fd, file.fd] });
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input ?? '');
  const { status, wall } = await new Promise<{ status: number | null; wall: number }>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => resolve({ status: code, wall: performance.now() - began }));
  });
  const taken = { wall, cpu: childrenCpu() - cpu, output: await readFile(join(directory, 'output'), 'utf8') };
  await file.close();
  await rm(directory, { recursive: true });
  if (status !== 0) throw new Error(`${[program, ...args].join(' ')} ended with ${String(status)}: ${taken.output.trim().split('\n').slice(-5).join(' / ')}`);
  return taken;
}

/** Run a program several times; what one of them took, so that the clock's grain does not show. */
export async function timedOften(command: Command, times: number): Promise<Pick<Taken, 'wall' | 'cpu'>> {
  const sum = { wall: 0, cpu: 0 };
  for (let count = 0; count < times; count++) {
    const { wall, cpu } = await timed(command);
    sum.wall += wall;
    sum.cpu += cpu;
  }
  return { wall: sum.wall / times, cpu: sum.cpu / times };
}

const MILLISECONDS_PER_TICK = 10;

/** Of all children of this process that have ended. */
function childrenCpu(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').replace(/^.*\) /s, '').split(' ');
  return (Number(fields[13]) + Number(fields[14])) * MILLISECONDS_PER_TICK;
}
