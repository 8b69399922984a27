import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { hostErrors } from '../errors/host-errors.ts';

/** What a program that outlives us gets. */
export interface LaunchOptions {
  /** Where its standard output and error go: a descriptor of ours, which it inherits. */
  readonly log: number;
  /** Further descriptors from 3 on: one of ours, or a pipe that we read or write until it is let go. */
  readonly descriptors?: ReadonlyArray<number | 'pipe'>;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Launched {
  readonly pid: number;
  /** Our ends of the pipes among `descriptors`, in their order. */
  readonly pipes: ReadonlyArray<Readable & Writable>;
  /** Resolves with its exit code when it ends while we still watch. */
  readonly ended: Promise<number | null>;
  /** Stop watching it, so that we can end before it does. */
  letGo(): void;
  /** End it and everything of its session's process group, and wait until it has ended. */
  kill(): Promise<void>;
}

/**
 * Start a program that lives on when we end: in a session of its own, away from the terminal and its signals.
 * @throws CommandMissing
 */
export async function launch(argv: readonly [string, ...string[]], options: LaunchOptions): Promise<Launched> {
  const [program, ...args] = argv;
  const extra = options.descriptors ?? [];
  const child = spawn(program, args, {
    cwd: '/',
    detached: true,
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8', ...options.environment },
    stdio: ['ignore', options.log, options.log, ...extra],
  });
  try {
    await once(child, 'spawn');
  } catch (error) {
    throw hostErrors.CommandMissing({ program }, { cause: error });
  }
  const pipes = extra.flatMap((kind, index) => (kind === 'pipe' ? [child.stdio[index + 3] as unknown as Readable & Writable] : []));
  // The other end may close first; what that means is told by the program's end.
  for (const pipe of pipes) pipe.on('error', () => undefined);
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  return {
    pid: child.pid ?? 0,
    pipes,
    ended,
    async kill() {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      process.kill(-child.pid, 'SIGKILL');
      await ended;
    },
    letGo() {
      child.unref();
      for (const pipe of pipes) pipe.destroy();
    },
  };
}
