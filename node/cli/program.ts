/** Commands as data: help comes from the same table that parsing uses. */
import { parseArgs } from 'node:util';
import { isSystemError, ZonewrightError } from '../../host/errors/errors.ts';
import { nodeErrors } from '../errors.ts';

export interface Option {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly multiple?: boolean;
  /** What its value is called in help. */
  readonly value?: string;
  readonly summary: string;
}

export interface Invocation {
  readonly values: Readonly<Record<string, string | boolean | Array<string | boolean> | undefined>>;
  readonly operands: readonly string[];
}

export interface Command {
  readonly name: string;
  readonly summary: string;
  /** Operands as usage shows them: `<name> [interface]`. */
  readonly operands?: string;
  /** How many operands there may be. */
  readonly operandCount?: readonly [least: number, most: number];
  readonly options: Readonly<Record<string, Option>>;
  readonly examples?: ReadonlyArray<readonly [command: string, meaning: string]>;
  /** Do it. @returns the exit status */
  run(invocation: Invocation): Promise<number>;
}

export interface Program {
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly Command[];
}

/** Run a program with its arguments. @returns the exit status: 2 on wrong usage, else what the command or its error says */
export async function runProgram(program: Program, args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h' || name === '-?') return help(program, rest[0], name === undefined);
  if (name === '--version' || name === 'version') return version();
  const command = program.commands.find((one) => one.name === name);
  if (!command) return fail(program, nodeErrors.UsageError({ reason: `unknown command "${name}"` }, { hint: `Run \`${program.name} help\`.` }));
  if (rest.includes('--help') || rest.includes('-h')) return help(program, name, false);
  try {
    return await command.run(parse(program, command, rest));
  } catch (error) {
    if (error instanceof ZonewrightError) return fail(program, error);
    throw error;
  }
}

function parse(program: Program, command: Command, args: readonly string[]): Invocation {
  const hint = usageOf(program, command);
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: optionsOf(command), allowPositionals: true });
    const [least, most] = command.operandCount ?? [0, 0];
    if (positionals.length < least) throw nodeErrors.UsageError({ reason: `${command.name}: too few arguments` }, { hint });
    if (positionals.length > most) throw nodeErrors.UsageError({ reason: `${command.name}: unexpected argument "${positionals[most] ?? ''}"` }, { hint });
    return { values, operands: positionals };
  } catch (error) {
    if (isSystemError(error, 'ERR_PARSE_ARGS_UNKNOWN_OPTION', 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE')) {
      throw nodeErrors.UsageError({ reason: `${command.name}: ${error.message}` }, { hint, cause: error });
    }
    throw error;
  }
}

function optionsOf(command: Command) {
  return Object.fromEntries(
    Object.entries(command.options).map(([name, { type, short, multiple }]) => [name, { type, ...(short ? { short } : {}), ...(multiple ? { multiple } : {}) }]),
  );
}

function fail(program: Program, error: ZonewrightError): number {
  const lines = [`${program.name}: ${error.message}`, ...error.details.map((line) => `  ${line}`), ...(error.hint ? [`  ${error.hint}`] : [])];
  process.stderr.write(`${lines.join('\n')}\n`);
  return error.exitStatus;
}

function help(program: Program, topic: string | undefined, isMistake: boolean): number {
  const command = program.commands.find((one) => one.name === topic);
  (isMistake ? process.stderr : process.stdout).write(command ? commandHelp(program, command) : programHelp(program));
  return isMistake ? 2 : 0;
}

function programHelp({ name, summary, commands }: Program): string {
  const width = Math.max(10, ...commands.map((command) => command.name.length + 2));
  const rows = commands.map((command) => `    ${command.name.padEnd(width)}${command.summary}`);
  return [`${name}: ${summary}`, '', 'Usage:', `    ${name} <command> [options] [arguments]`, '', 'Commands:', ...rows, '', `\`${name} help <command>\` says more.`, ''].join('\n');
}

function commandHelp(program: Program, command: Command): string {
  const rows = Object.entries(command.options).map(([name, option]) => {
    const value = option.value === undefined ? '' : ` ${option.value}`;
    return `    ${`${option.short ? `-${option.short}, ` : ''}--${name}${value}`.padEnd(28)}${option.summary}`;
  });
  const examples = (command.examples ?? []).map(([line, meaning]) => `    ${line}\n        ${meaning}`);
  return [
    `${command.summary}`,
    '',
    usageOf(program, command),
    ...(rows.length > 0 ? ['', 'Options:', ...rows] : []),
    ...(examples.length > 0 ? ['', 'Examples:', ...examples] : []),
    '',
  ].join('\n');
}

function usageOf(program: Program, command: Command): string {
  const options = Object.keys(command.options).length > 0 ? ' [options]' : '';
  return `Usage: ${program.name} ${command.name}${options}${command.operands === undefined ? '' : ` ${command.operands}`}`;
}

async function version(): Promise<number> {
  const { default: manifest } = await import('../../package.json', { with: { type: 'json' } });
  process.stdout.write(`Zonewright ${manifest.version}\n`);
  return 0;
}
