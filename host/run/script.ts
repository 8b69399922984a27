import { execa } from 'execa';
import { isSystemError } from '../errors/errors.ts';

/** How a program that somebody else wrote is run. */
export interface ScriptOptions {
  readonly cwd: string;
  /** Its whole environment besides a fixed PATH and locale. */
  readonly environment: Readonly<Record<string, string>>;
  /** Milliseconds. */
  readonly timeout: number;
  /** Of standard output, and of standard error. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** How it went; whatever the program does, this is an answer and not a failure of ours. */
export interface ScriptOutcome {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Why it was ended, or could not be started. */
  readonly ended?: 'timeout' | 'output' | 'cancelled' | 'not started';
}

const PROGRAM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Run a script. It dies with this process; when its time or its output is over, so does everything of its process group.
 */
export async function runScript(argv: readonly [string, ...string[]], options: ScriptOptions): Promise<ScriptOutcome> {
  const child = execa('setpriv', ['--pdeathsig', 'KILL', '--', ...argv], {
    cwd: options.cwd,
    env: { PATH: PROGRAM_PATH, LC_ALL: 'C.UTF-8', ...options.environment },
    extendEnv: false,
    reject: false,
    stripFinalNewline: false,
    detached: true,
    stdin: 'ignore',
    maxBuffer: options.maxBytes,
    encoding: 'utf8',
  });
  let ended: ScriptOutcome['ended'];
  const end = (why: NonNullable<ScriptOutcome['ended']>): void => {
    ended ??= why;
    killGroup(child.pid);
  };
  const timer = setTimeout(() => end('timeout'), options.timeout);
  const cancel = (): void => end('cancelled');
  options.signal.addEventListener('abort', cancel, { once: true });
  if (options.signal.aborted) cancel();
  try {
    const result = await child;
    if (result.isMaxBuffer) end('output');
    else if (result.exitCode === undefined && result.signal === undefined) ended ??= 'not started';
    return { exitCode: result.exitCode ?? null, signal: result.signal ?? null, stdout: result.stdout, stderr: result.stderr, ...(ended && { ended }) };
  } finally {
    clearTimeout(timer);
    options.signal.removeEventListener('abort', cancel);
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (!isSystemError(error, 'ESRCH')) throw error;
  }
}
