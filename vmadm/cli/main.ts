/**
 * `vmadm`: from arguments to a command (reference §1). Only what the command needs is loaded: `list` must start fast.
 * Data goes to stdout, everything else to stderr.
 */
import { isErrorCode, isSystemError, ZonewrightError } from '../../host/errors/errors.ts';
import type { StepEvent } from '../../host/journal/perform.ts';
import type { Engine } from '../engine.ts';
import { readArguments } from './arguments.ts';
import type { Command, FollowEvents, Invocation, Streams } from './command.ts';
import { findCommand } from './commands.ts';
import { vmErrors } from '../errors.ts';
import { newProgressLine, type ProgressLine } from './progress.ts';

/** What `openEngine` is told by a command line. */
export interface OpenOptions {
  readonly requestId?: string;
  readonly signal: AbortSignal;
  onEvent(event: StepEvent): void;
}

/** Everything outside this process that `main` touches. */
export interface MainOptions {
  readonly openEngine: (options: OpenOptions) => Promise<Engine>;
  readonly followEvents: () => Promise<FollowEvents>;
  readonly runInteractively: (command: readonly [string, ...string[]]) => Promise<number>;
  readonly streams: Streams;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly isRoot: boolean;
}

const HELP = ['-h', '-?', '--help'];
const INTERRUPTED = 130;

/** Run `vmadm` with the arguments of its process (`node`, path, command …). @returns the exit status. */
export async function main(argv: readonly string[], options: MainOptions): Promise<number> {
  const { stdout, stderr } = options.streams;
  const pipe = watchPipe(options.streams);
  const [, path = 'vmadm', name, ...args] = argv;
  const program = path.replace(/\.ts$/, '');
  const status = await dispatch({ program, name, args, options }).catch((error: unknown) => {
    if (pipe.broken) return 0;
    throw error;
  });
  await Promise.all([drained(stdout), drained(stderr)]);
  return pipe.broken ? 0 : status;
}

interface Call {
  readonly program: string;
  readonly name: string | undefined;
  readonly args: readonly string[];
  readonly options: MainOptions;
}

async function dispatch(call: Call): Promise<number> {
  const { program, name, options } = call;
  const { stdout, stderr } = options.streams;
  if (name !== undefined && HELP.includes(name)) {
    stdout.write(await usage(program));
    return 0;
  }
  const command = name === undefined ? undefined : findCommand(name);
  if (!command) {
    stderr.write(`${name === undefined ? '' : `Invalid command: "${name}".\n`}${await usage(program)}`);
    return 2;
  }
  return runCommand(command, call);
}

async function runCommand(command: Command, { program, args, options }: Call): Promise<number> {
  const { stdout, stderr } = options.streams;
  const talkative = Boolean(stderr.isTTY) || options.environment['VMADM_WARN'] === '1';
  const progress = newProgressLine(stderr);
  const interrupt = newInterrupt();
  try {
    const read = readArguments(command, args);
    if (read.options['help'] === true) {
      stdout.write((await import('./usage.ts')).commandHelp(command));
      return 0;
    }
    if (!options.isRoot && command.name !== 'help') throw vmErrors.CannotRun({ reason: 'you are not root' });
    if (!command.load) throw vmErrors.NotYet({ verb: command.name });
    const { run } = await command.load();
    const status = await run({ command, ...read, streams: options.streams, talkative, ...servicesFor(command, { options, progress, interrupt }) });
    return status ?? 0;
  } catch (error) {
    progress.clear();
    if (!(error instanceof ZonewrightError)) throw error;
    stderr.write(explain(error, talkative));
    if (isErrorCode(error, 'Usage')) stderr.write(await usage(program));
    return interrupt.signal.aborted ? INTERRUPTED : error.exitStatus;
  } finally {
    progress.clear();
    interrupt.release();
  }
}

async function usage(program: string): Promise<string> {
  return (await import('./usage.ts')).usageText(program);
}

interface Helpers {
  readonly options: MainOptions;
  readonly progress: ProgressLine;
  readonly interrupt: Interrupt;
}

function servicesFor(command: Command, { options, progress, interrupt }: Helpers): Pick<Invocation, 'engine' | 'followEvents' | 'runInteractively'> {
  const requestId = options.environment['REQ_ID'] ?? options.environment['req_id'];
  return {
    engine() {
      if (command.changes) interrupt.listen();
      return options.openEngine({ signal: interrupt.signal, onEvent: progress.show, ...(requestId !== undefined && { requestId }) });
    },
    followEvents: options.followEvents,
    runInteractively: options.runInteractively,
  };
}

/** The message alone, since programs match on it; what helps a person follows it, where a person reads. */
function explain(error: ZonewrightError, talkative: boolean): string {
  const more = talkative ? [...error.details.map((line) => `  ${line}`), ...(error.hint === undefined ? [] : [error.hint])] : [];
  return `${[error.message, ...more].join('\n')}\n`;
}

interface Interrupt {
  readonly signal: AbortSignal;
  listen(): void;
  release(): void;
}

/** The first Ctrl-C asks the operation to stop and undo; a second one has its ordinary effect. */
function newInterrupt(): Interrupt {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  return {
    signal: controller.signal,
    listen: () => void process.once('SIGINT', abort),
    release: () => void process.off('SIGINT', abort),
  };
}

/** Whoever reads our output may stop reading (`vmadm list | head`): that is no failure of ours. */
function watchPipe({ stdout, stderr }: Streams): { readonly broken: boolean } {
  const pipe = { broken: false };
  const ignoreBrokenPipe = (error: unknown): void => {
    if (!isSystemError(error, 'EPIPE')) throw error;
  };
  stdout.on('error', (error: unknown) => {
    ignoreBrokenPipe(error);
    pipe.broken = true;
  });
  stderr.on('error', ignoreBrokenPipe);
  return pipe;
}

/** Wait until what was written has left, or cannot leave any more. */
async function drained(stream: Streams['stdout']): Promise<void> {
  if (stream.writableLength > 0 && !stream.errored) await new Promise<void>((resolve) => stream.write('', () => resolve()));
}
