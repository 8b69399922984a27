/**
 * The imgadm command (reference §1). A handler returns data and this prints it; progress goes to standard output, where
 * scripts look for it, errors to standard error as `imgadm <subcommand>: error (<Code>): <message>`.
 */
import { resolve } from 'node:path';
import { ZonewrightError } from '../../host/errors/errors.ts';
import { imgadmErrors } from '../errors.ts';
import type { Answer, Command, Request, Shown } from './command.ts';
import { findCommand, NOT_YET, TOP_OPTIONS } from './commands.ts';
import { parseOptions } from './parse.ts';

/** Run imgadm. @returns its exit status: 0, 1, 2 (cannot run here) or 3 (image not installed). */
export async function main(argv: readonly string[]): Promise<number> {
  doWithoutReader();
  const show = { verbose: false, record: false };
  let name: string | undefined;
  try {
    const top = parseOptions(argv, TOP_OPTIONS, true);
    show.verbose = top.options['verbose'] === true;
    show.record = top.options['error-record'] === true;
    if (top.options['version']) return printVersion();
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
  const answer = await answerOf(command, options, args);
  print(answer);
  if (answer.failure !== undefined) throw answer.failure;
  return answer.status ?? 0;
}

async function answerOf(command: Command, given: Request['options'], args: readonly string[]): Promise<Answer> {
  const [{ loadNode }, { answeredByAgent, fileOptions }] = await Promise.all([import('../../host/config/node-config.ts'), import('./by-agent.ts')]);
  const node = await loadNode();
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());
  const files = fileOptions(command.name).flatMap((name) => (typeof given[name] === 'string' ? [[name, resolve(given[name])]] : []));
  const asked = { command: command.name, options: { ...given, ...Object.fromEntries(files) }, args };
  const surroundings = { requestId: process.env['REQ_ID'] ?? process.env['req_id'], signal: interrupt.signal, ...outputs() };
  return (await answeredByAgent(node, asked, surroundings)) ?? (await import('./perform.ts')).performCommand(node, asked, surroundings);
}

/** Progress stays on the last line of a terminal until something else is to be said. */
function outputs(): Pick<Request, 'say' | 'warn' | 'showProgress'> {
  const { isTTY } = process.stderr;
  const clear = isTTY ? '\r\x1b[K' : '';
  const erase = (): void => void (isTTY && process.stderr.write(clear));
  return {
    say: (line) => (erase(), void process.stdout.write(`${line}\n`)),
    warn: (line) => void process.stderr.write(`${clear}${line}\n`),
    showProgress: isTTY ? (text) => void process.stderr.write(`${clear}${text}`) : undefined,
  };
}

function print(answer: Answer): void {
  process.stdout.write(textOf(answer));
}

function textOf(answer: Shown): string {
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

/** The version of SmartOS's imgadm whose commands these are: its callers compare it to know what they may ask for. */
const COMPATIBLE_VERSION = '3.9.5';

function printVersion(): number {
  process.stdout.write(`imgadm ${COMPATIBLE_VERSION}\n`);
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
