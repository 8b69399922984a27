/** Reading a command's arguments as nopt does (reference §1.1): anywhere, abbreviated, unknown ones tolerated. */
import { vmErrors } from '../errors.ts';
import nopt from 'nopt';
import { isVmOperand } from './uuid-operand.ts';
import type { Command } from './command.ts';

export interface Arguments {
  readonly operands: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
}

/** Accepted everywhere, without effect. */
const GLOBAL_FLAGS = ['verbose', 'debug', 'help'];

/** Split arguments into operands and options. @throws Usage when an option lacks its value */
export function readArguments(command: Command, args: readonly string[]): Arguments {
  if (command.ownArguments) return { operands: args, options: { help: args.some((arg) => arg === '--help' || arg === '-h' || arg === '-?') } };
  const entries = Object.entries(command.options ?? {});
  // `true` before String: an option without a value is then told from one whose value is a word, and a value may begin with "-".
  const types: Record<string, unknown> = Object.fromEntries([
    ...GLOBAL_FLAGS.map((name) => [name, Boolean]),
    ...entries.map(([name, { type }]) => [name, type === 'flag' ? Boolean : [true, String]]),
  ]);
  const shorthands: Record<string, string[]> = { v: ['--verbose'], d: ['--debug'], h: ['--help'], '?': ['--help'] };
  for (const [name, { short, negatedShort }] of entries) {
    if (short) shorthands[short] = [`--${name}`];
    if (negatedShort) shorthands[negatedShort] = [`--no-${name}`];
  }
  const { argv, ...options } = nopt(types as never, shorthands as never, [...args], 0);
  for (const [name, { type, value = 'value' }] of entries) {
    if (type === 'text' && options[name] === true) throw vmErrors.Usage({ problem: `Option --${name} needs a <${value}>` });
  }
  return { operands: argv.remain, options };
}

/** The uuid that a command works on. @throws Usage (reference §1.1, UUID operand) */
export function requireUuid(command: Command, operands: readonly string[]): string {
  const [uuid] = operands;
  if (uuid === undefined || !isVmOperand(uuid)) throw vmErrors.Usage({ problem: `Invalid or missing UUID for ${command.name}` });
  return uuid;
}
