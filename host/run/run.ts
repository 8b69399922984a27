import type { Readable, Writable } from 'node:stream';
import { hostErrors } from '../errors/host-errors.ts';
import { currentOperation } from './operation.ts';

/** How an external program is run. */
export interface RunOptions {
  /** Text, bytes or a stream for its standard input; nothing (`/dev/null`) unless given. */
  readonly input?: string | Uint8Array | Readable;
  /** A descriptor of ours that becomes its standard input as it is, so that large files do not pass through this process. */
  readonly inputDescriptor?: number;
  /** Ends the program at once. */
  readonly signal?: AbortSignal;
  /** Exit codes that are an answer rather than a failure. Default: only 0. */
  readonly acceptExitCodes?: readonly number[];
  readonly cwd?: string;
  /** The whole environment of the program besides a fixed PATH and locale; nothing of ours leaks into it. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Milliseconds after which it is killed. Default: no limit, for programs that work on data of any size. */
  readonly timeout?: number;
  /** Where its standard output goes instead of into the result. */
  readonly stdoutTo?: Writable;
  /** Called with each line it prints on standard error while it runs. */
  readonly onStderrLine?: (line: string) => void;
  /** Do not let a long-living daemon inherit the operation's lock. */
  readonly startsDaemon?: boolean;
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

const PROGRAM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Run an external program, the only way that this project does it. The program gets exactly these arguments: there is
 * no shell, a clean environment and a process group of its own, so that Ctrl-C reaches us and not a half-done `zfs`.
 *
 * @throws CommandMissing when it is not installed, CommandFailed with its own last words when it fails.
 */
export async function run(argv: readonly [string, ...string[]], options: RunOptions = {}): Promise<RunResult> {
  const { execa } = await import('execa');
  const [program, ...args] = argv;
  const held = options.startsDaemon ? [] : (currentOperation()?.heldDescriptors ?? []);
  const child = execa(program, args, {
    cwd: options.cwd,
    env: { PATH: PROGRAM_PATH, LC_ALL: 'C.UTF-8', ...options.environment },
    extendEnv: false,
    reject: false,
    stripFinalNewline: false,
    detached: true,
    timeout: options.timeout,
    killSignal: 'SIGKILL',
    ...(options.signal ? { cancelSignal: options.signal } : {}),
    ...(typeof options.input === 'string' || options.input instanceof Uint8Array ? { input: options.input } : {}),
    stdio: [stdinOf(options), options.stdoutTo ? ['pipe', options.stdoutTo] : 'pipe', 'pipe', ...(held as never[])],
    buffer: { stdout: !options.stdoutTo, stderr: true },
    maxBuffer: 64 * 1024 * 1024,
  });
  if (options.onStderrLine) void reportLines(child.stderr, options.onStderrLine);
  const result = await child;
  return answerOf(program, result, options);
}

function stdinOf({ input, inputDescriptor }: RunOptions): 'ignore' | 'pipe' | [Readable, 'pipe'] {
  // Descriptors above 2 are fine here too, only execa's types know them for other places alone.
  if (inputDescriptor !== undefined) return inputDescriptor as never;
  if (input === undefined) return 'ignore';
  return typeof input === 'string' || input instanceof Uint8Array ? 'pipe' : [input, 'pipe'];
}

interface Outcome {
  readonly failed: boolean;
  readonly timedOut?: boolean;
  readonly exitCode?: number;
  readonly signal?: string;
  readonly code?: string;
  readonly originalMessage?: string;
  readonly stdout?: unknown;
  readonly stderr?: unknown;
}

function answerOf(program: string, result: Outcome, options: RunOptions): RunResult {
  const stderr = String(result.stderr ?? '');
  if (result.code === 'ENOENT') throw hostErrors.CommandMissing({ program });
  const accepted = result.exitCode !== undefined && (options.acceptExitCodes ?? [0]).includes(result.exitCode);
  if (!accepted || result.timedOut) {
    const outcome = result.timedOut ? 'a time-out' : result.signal ? `signal ${result.signal}` : `exit code ${result.exitCode ?? 'unknown'}`;
    throw hostErrors.CommandFailed({ program, outcome, reason: lastWords(stderr) || result.originalMessage || 'it said nothing' });
  }
  return { stdout: String(result.stdout ?? ''), stderr, exitCode: result.exitCode ?? 0 };
}

function lastWords(stderr: string): string {
  return stderr.trim().split('\n').slice(-3).join(' / ');
}

async function reportLines(stream: Readable, onLine: (line: string) => void): Promise<void> {
  const { createInterface } = await import('node:readline');
  for await (const line of createInterface({ input: stream })) onLine(line);
}
