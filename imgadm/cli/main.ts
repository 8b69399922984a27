/**
 * The imgadm command (reference §1). A handler returns data and this prints it; progress goes to standard output, where
 * scripts look for it, errors to standard error as `imgadm <subcommand>: error (<Code>): <message>`.
 */
import type { Node } from '../../host/config/node-config.ts';
import { ZonewrightError } from '../../host/errors/errors.ts';
import { imgadmErrors } from '../errors.ts';
import type { Answer, Command, CommandOption, Request } from './command.ts';
import { findCommand, NOT_YET } from './commands.ts';
import { parseOptions } from './parse.ts';

const TOP_OPTIONS: readonly CommandOption[] = [
  { name: 'help', short: 'h', help: 'Show this help' },
  { name: 'version', help: 'Show the version' },
  { name: 'verbose', short: 'v', help: 'Show where an error came from' },
  { name: 'error-record', short: 'E', help: 'On an error, end with one line of JSON that describes it' },
];

/** Run imgadm. @returns its exit status: 0, 1, 2 (cannot run here) or 3 (image not installed). */
export async function main(argv: readonly string[]): Promise<number> {
  doWithoutReader();
  const show = { verbose: false, record: false };
  let name: string | undefined;
  try {
    const top = parseOptions(argv, TOP_OPTIONS, true);
    show.verbose = top.options['verbose'] === true;
    show.record = top.options['error-record'] === true;
    if (top.options['version']) return await printVersion();
    if (top.options['help']) return await printHelp(undefined);
    const [command, ...rest] = top.args;
    if (command === undefined) {
      await printHelp(undefined);
      return 1;
    }
    name = command;
    return await runCommand(command, rest);
  } catch (error) {
    return printError(error, name, show);
  }
}

async function runCommand(name: string, argv: readonly string[]): Promise<number> {
  if (NOT_YET.includes(name)) throw imgadmErrors.NotSupported({ what: `"imgadm ${name}"` });
  const command = findCommand(name);
  if (!command) throw imgadmErrors.UnknownCommand({ command: name });
  const { options, args } = parseOptions(argv, command.options);
  if (command.name === 'help') return printHelp(args[0]);
  if (options['help']) return printHelp(command.name);
  if (process.getuid?.() !== 0) throw imgadmErrors.NotRoot({ reason: 'you are not root' });
  print(await answerOf(command, options, args));
  return 0;
}

async function answerOf(command: Command, options: Request['options'], args: readonly string[]): Promise<Answer> {
  const { loadNode } = await import('../../host/config/node-config.ts');
  const [handler, node] = await Promise.all([command.load(), loadNode()]);
  await recover(node);
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());
  return handler({
    node,
    options,
    args,
    requestId: process.env['REQ_ID'] ?? process.env['req_id'],
    signal: interrupt.signal,
    say: (line) => void process.stdout.write(`${line}\n`),
    warn: (line) => void process.stderr.write(`${line}\n`),
  });
}

/** Finish what a crash left. Nearly always there is nothing, and then nothing is loaded for it. */
async function recover(node: Node): Promise<void> {
  const { listJournals } = await import('../../host/journal/journal-file.ts');
  if ((await listJournals(node.paths.journal)).length === 0) return;
  const { recoverImages } = await import('../store/performer.ts');
  for (const { verb, target, outcome, error } of await recoverImages({ node })) {
    if (outcome === 'failed') process.stderr.write(`warning: an interrupted ${verb} of ${target} cannot be finished: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}

function print(answer: Answer): void {
  process.stdout.write(textOf(answer));
}

function textOf(answer: Answer): string {
  switch (answer.kind) {
    case 'json':
      return `${JSON.stringify(answer.value, null, 2)}\n`;
    case 'lines':
      return answer.lines.map((line) => `${line}\n`).join('');
    case 'table':
      return tableText(answer);
  }
}

/** Columns padded to their widest cell, the last one not; nothing at all for no rows. */
function tableText({ rows, columns, header }: Extract<Answer, { kind: 'table' }>): string {
  if (rows.length === 0) return '';
  const cells = [...(header ? [columns.map((column) => column.toUpperCase())] : []), ...rows.map((row) => columns.map((column) => cellText(row[column])))];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]?.length ?? 0)));
  return cells.map((line) => `${line.map((cell, index) => (index === line.length - 1 ? cell : cell.padEnd(widths[index] ?? 0))).join('  ')}\n`).join('');
}

function cellText(value: unknown): string {
  if (value === undefined || value === null) return '-';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

async function printHelp(topic: string | undefined): Promise<number> {
  const { commandHelp, fullHelp } = await import('./help.ts');
  const command = topic === undefined ? undefined : findCommand(topic);
  if (topic !== undefined && !command) throw NOT_YET.includes(topic) ? imgadmErrors.NotSupported({ what: `"imgadm ${topic}"` }) : imgadmErrors.UnknownCommand({ command: topic });
  process.stdout.write(command ? commandHelp(command) : fullHelp(TOP_OPTIONS));
  return 0;
}

async function printVersion(): Promise<number> {
  const { default: description } = await import('../../package.json', { with: { type: 'json' } });
  process.stdout.write(`imgadm ${description.version}\n`);
  return 0;
}

async function printError(error: unknown, command: string | undefined, show: { verbose: boolean; record: boolean }): Promise<number> {
  const ours = error instanceof ZonewrightError;
  const code = ours ? error.code : 'InternalError';
  const message = error instanceof Error ? error.message : String(error);
  if (show.record) process.stderr.write(`${JSON.stringify(await errorRecord(error, code, message))}\n`);
  else if (code === 'NotRoot') process.stderr.write(`imgadm: error: ${message}\n`);
  else {
    process.stderr.write(`imgadm${command === undefined ? '' : ` ${command}`}: error (${code}): ${message}\n`);
    if (ours) for (const line of error.details) process.stderr.write(`    ${line}\n`);
    if (ours && error.hint !== undefined && process.stderr.isTTY) process.stderr.write(`${error.hint}\n`);
    if ((show.verbose || !ours) && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  }
  return ours ? error.exitStatus : 1;
}

/** What `-E` prints: a Bunyan record (reference §1.1). */
async function errorRecord(error: unknown, code: string, message: string): Promise<Record<string, unknown>> {
  const { hostname } = await import('node:os');
  const { randomUUID } = await import('node:crypto');
  const stack = error instanceof Error ? error.stack : undefined;
  return {
    name: 'imgadm',
    req_id: process.env['REQ_ID'] ?? process.env['req_id'] ?? randomUUID(),
    hostname: hostname(),
    pid: process.pid,
    level: 50,
    err: { message, name: 'ImgadmError', stack, code },
    msg: message,
    time: new Date().toISOString(),
    v: 0,
  };
}

/** `imgadm list | head -1` is no failure, and an install goes on without anybody to tell. */
function doWithoutReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}
