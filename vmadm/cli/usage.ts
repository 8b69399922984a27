/** Usage, help, man page and completion: all from the table of commands. */
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

/** The man page, in mdoc. */
export function manPage(): string {
  const commands = COMMANDS.flatMap((command) => [
    '.It ' + roff(command.forms.map((form) => commandForm(command, form)).join('; ')),
    roff(sentence(command.summary)),
    ...(command.description ? [roff(command.description)] : []),
    ...Object.entries(command.options ?? {}).flatMap(([name, option]) => ['.Pp', roff(`${optionLabel(name, option)}: ${option.summary}.`)]),
    ...(command.load ? [] : ['.Pp', 'Not in this version.']),
  ]);
  const examples = COMMANDS.flatMap(({ examples = [] }) => examples.map(roff));
  return [
    '.Dd $Mdocdate$', '.Dt VMADM 8', '.Os', '.Sh NAME', '.Nm vmadm', '.Nd manage zones and machines of this node',
    '.Sh SYNOPSIS', '.Nm', '.Ar command', '.Op Ar options',
    '.Sh DESCRIPTION', 'Data is written to the standard output, everything else to the standard error.', '.Sh COMMANDS', '.Bl -tag -width indent', ...commands, '.El',
    '.Sh EXIT STATUS', '0 when done, also when there was nothing to do; 1 when it failed; 2 when the command line is wrong or the node cannot be used; 130 when it was interrupted and undone.',
    '.Sh EXAMPLES', '.Bd -literal', ...examples, '.Ed', '',
  ].join('\n');
}

/** Completion for bash: commands, then uuids and aliases. */
export function completionScript(): string {
  const names = COMMANDS.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
  return `_vmadm() {
    local word=\${COMP_WORDS[COMP_CWORD]}
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "${names.join(' ')}" -- "$word"))
    else
        COMPREPLY=($(compgen -W "$(vmadm lookup 2>/dev/null)" -- "$word"))
    fi
}
complete -F _vmadm vmadm
`;
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

/** Text that roff takes as it is. */
function roff(text: string): string {
  return text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replace(/^([.'])/, '\\&$1');
}
