import type { Command, CommandOption } from './command.ts';
import { COMMANDS } from './commands.ts';

/** Help on imgadm as a whole. */
export function fullHelp(topOptions: readonly CommandOption[]): string {
  return section([
    'Manage images of this node.',
    '',
    'Usage:',
    '    imgadm [OPTIONS] COMMAND [ARGS...]',
    '    imgadm help COMMAND',
    '',
    'Options:',
    ...optionLines(topOptions),
    '',
    'Commands:',
    ...columns(COMMANDS.map((command) => [[command.name, ...(command.aliases ?? [])].join(', '), command.summary])),
  ]);
}

/** Help on one command. */
export function commandHelp(command: Command): string {
  return section([
    `${command.summary}.`,
    '',
    'Usage:',
    `    imgadm ${command.name} [OPTIONS]${command.operands === '' ? '' : ` ${command.operands}`}`,
    ...(command.aliases ? ['', `Aliases: ${command.aliases.join(', ')}`] : []),
    '',
    'Options:',
    ...optionLines(command.options),
    '',
    'Examples:',
    ...command.examples.map((example) => `    ${example}`),
  ]);
}

function optionLines(options: readonly CommandOption[]): string[] {
  return columns(
    options.map((option) => {
      const value = option.value === undefined ? '' : ` ${option.value}`;
      const short = option.short === undefined ? '' : `-${option.short}${value}, `;
      return [`${short}--${option.name}${value}`, option.help];
    }),
  );
}

function columns(rows: ReadonlyArray<readonly [string, string] | string[]>): string[] {
  const width = Math.max(...rows.map(([left]) => left?.length ?? 0));
  return rows.map(([left = '', right = '']) => `    ${left.padEnd(width)}  ${right}`);
}

function section(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}
