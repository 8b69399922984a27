import { imgadmErrors } from '../errors.ts';
import type { CommandOption, GivenOptions } from './command.ts';

export interface Parsed {
  readonly options: GivenOptions;
  readonly args: readonly string[];
}

/**
 * Parse a command line as SmartOS's tools do: options and operands mixed, `--opt=value`, `--opt value`, `-oVALUE`,
 * bundled switches, `--` ends the options. Reference §1.1.
 * @param onlyLeading stop at the first operand, for the options before a subcommand.
 * @throws Option
 */
export function parseOptions(argv: readonly string[], known: readonly CommandOption[], onlyLeading = false): Parsed {
  const options: Record<string, string | true | string[]> = {};
  const args: string[] = [];
  const rest = [...argv];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') return { options, args: [...args, ...rest] };
    if (word.startsWith('--')) takeLong(word, rest, known, options);
    else if (word.startsWith('-') && word.length > 1) takeShort(word, rest, known, options);
    else if (onlyLeading) return { options, args: [word, ...rest] };
    else args.push(word);
  }
  return { options, args };
}

function takeLong(word: string, rest: string[], known: readonly CommandOption[], options: Record<string, string | true | string[]>): void {
  const equals = word.indexOf('=');
  const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
  const option = known.find((one) => one.name === name);
  if (!option) throw imgadmErrors.Option({ problem: `unknown option: "--${name}"` });
  if (option.value === undefined) {
    if (equals >= 0) throw imgadmErrors.Option({ problem: `option "--${name}" takes no argument` });
    options[option.name] = true;
    return;
  }
  take(option, equals < 0 ? argumentOf(`--${name}`, rest) : word.slice(equals + 1), options);
}

function takeShort(word: string, rest: string[], known: readonly CommandOption[], options: Record<string, string | true | string[]>): void {
  for (let index = 1; index < word.length; index++) {
    const letter = word.charAt(index);
    const option = known.find((one) => one.short === letter);
    if (!option) throw imgadmErrors.Option({ problem: `unknown option: "-${letter}"` });
    if (option.value !== undefined) {
      take(option, index + 1 < word.length ? word.slice(index + 1) : argumentOf(`-${letter}`, rest), options);
      return;
    }
    options[option.name] = true;
  }
}

function take(option: CommandOption, value: string, options: Record<string, string | true | string[]>): void {
  if (!option.repeated) options[option.name] = value;
  else options[option.name] = [...(Array.isArray(options[option.name]) ? (options[option.name] as string[]) : []), value];
}

function argumentOf(option: string, rest: string[]): string {
  const value = rest.shift();
  if (value === undefined) throw imgadmErrors.Option({ problem: `option "${option}" needs an argument` });
  return value;
}
