/** What completion knows of programs, for any shell: their words, and of which kind the values are that they take. */
import type { Manual, ManualCommand, ManualOption, ValueSource } from './manual.ts';

/** The commands of one program. The one without a name is the program itself. */
export interface ProgramTable {
  /** `vmadm`, or `zonewright head` */
  readonly program: string;
  readonly commands: readonly CommandTable[];
}

export interface CommandTable {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly summary: string;
  /** Words for what comes next; of a program with commands. */
  readonly commands: readonly string[];
  readonly options: readonly string[];
  /** Options that take a value, and where values come from; nowhere is an empty text. */
  readonly valued: ReadonlyArray<readonly [option: string, source: ValueSource | '']>;
  readonly verbs: readonly string[];
  /** What its first operand is. */
  readonly operand: ValueSource | '';
  /** Whether there may be more operands of this kind. */
  readonly repeats: boolean;
  /** Names that may be given a value: `quota=20`. */
  readonly properties: readonly string[];
  /** How many operands come before those. */
  readonly after: number;
}

/** The tables of programs. */
export function completionTables(manuals: readonly Manual[]): ProgramTable[] {
  return manuals.filter(({ section }) => section === 8).map((manual) => ({ program: manual.name, commands: [itself(manual), ...(manual.commands ?? []).map((command) => tableOf(command, manual))] }));
}

function itself(manual: Manual): CommandTable {
  const { name, summary, forms = [], options = [], commands } = manual;
  const own = tableOf({ name, forms, summary, options }, manual);
  return { ...own, name: '', commands: (commands ?? []).flatMap((command) => [command.name, ...(command.aliases ?? [])]).filter(isWord), operand: commands ? '' : own.operand };
}

function tableOf({ name, aliases = [], summary, forms, options, verbs = [] }: ManualCommand, { values = {}, properties = {} }: Manual): CommandTable {
  const operands = forms.map((form) => form.replace(/-{1,2}[A-Za-z0-9-]+ (<[^>]+>|[A-Z][A-Z0-9_/-]*)/g, ''));
  const words = verbs.length > 0 ? verbs : literalWords(operands);
  const names = operands.flatMap((form) => [...form.matchAll(/<([^>]+)>|\b([A-Z]{2,})\b/g)].map(([, inner, capitals]) => inner ?? capitals ?? ''));
  const operand = names.find((one) => values[one] !== undefined);
  const assigned = operands.map((form) => /<(\w+)>=/.exec(form)?.[1]).find((one) => one !== undefined);
  return {
    name,
    aliases: aliases.filter(isWord),
    summary,
    commands: [],
    options: options.flatMap(spellings),
    valued: options.filter(({ value }) => value !== undefined).flatMap((option) => spellings(option).map((spelling) => [spelling, values[option.value ?? ''] ?? ''] as const)),
    verbs: words,
    operand: operand === undefined || words.length > 0 ? '' : (values[operand] ?? ''),
    repeats: operands.some((form) => [`<${operand}> …`, `${operand}...`, `[${operand} ...]`].some((repeated) => form.includes(repeated))),
    properties: assigned === undefined ? [] : (properties[assigned] ?? []),
    after: operands.some((form) => /^<uuid>/.test(form)) ? 1 : 0,
  };
}

/** Where each way to call a command begins with a word of its own, those words. */
function literalWords(forms: readonly string[]): string[] {
  const words = forms.map((form) => form.split(' ')[0] ?? '');
  return words.every(isWord) ? [...new Set(words)] : [];
}

function spellings({ name, shorts }: ManualOption): string[] {
  return [...shorts.map((letter) => `-${letter}`), `--${name}`];
}

function isWord(text: string): boolean {
  return /^[a-z][a-z-]*$/.test(text);
}
