/** Usage and help, from the table of commands. */
import type { Command, CommandOption } from './command.ts';
import { COMMANDS } from './commands.ts';

/** The whole usage (reference §1.1). */
export function usageText(program: string): string {
  const forms = COMMANDS.flatMap((command) => command.forms.map((form) => `    ${commandForm(command, form)}`));
  return [`Usage: ${program} <command> [options]`, '', ...forms, '', 'For more detail see `man vmadm` or `vmadm help <command>`.', ''].join('\n');
}

/** What `vmadm help <command>` and `vmadm <command> --help` print. */
export function commandHelp(command: Command): string {
  const forms = command.forms.map((form, index) => `${index === 0 ? 'Usage:' : '      '} vmadm ${[command.name, form].join(' ').trim()}`);
  const sections = [forms.join('\n'), sentence(command.summary) + (command.description ? ` ${command.description}` : '')];
  if (command.aliases) sections.push(`Also called: ${command.aliases.join(', ')}.`);
  if (command.options) sections.push(['Options:', ...Object.entries(command.options).map(([name, option]) => `  ${optionLabel(name, option).padEnd(28)}${option.summary}`)].join('\n'));
  if (command.examples) sections.push(['Examples:', ...command.examples.map((example) => `  ${example}`)].join('\n'));
  if (!command.load) sections.push('This version cannot do that yet.');
  return `${sections.join('\n\n')}\n`;
}

function commandForm({ name, aliases = [] }: Command, form: string): string {
  return [[name, ...aliases].join('|'), form].join(' ').trim();
}

function optionLabel(name: string, { short, negatedShort, value }: CommandOption): string {
  const shorts = [short, negatedShort].filter((letter) => letter !== undefined).map((letter) => `-${letter}, `);
  return `${shorts.join('')}--${name}${value ? ` <${value}>` : ''}`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
