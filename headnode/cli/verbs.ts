/** Commands about a kind of thing: `zonewright head network list`. Their verbs are data, like commands. */
import { headErrors } from '../errors.ts';
import { DATA_OPTION, type HeadCommand, type HeadInvocation, type HeadOption } from './command.ts';
import { directoryOf } from './directory.ts';

export interface Verb {
  readonly name: string;
  /** Operands after the verb, as usage shows them. */
  readonly operands?: string;
  readonly operandCount?: readonly [least: number, most: number];
  /** Which of the command's options it takes. */
  readonly options?: readonly string[];
  /** @returns what is printed */
  run(asked: VerbInvocation): Promise<string>;
}

export interface VerbInvocation extends HeadInvocation {
  /** The data directory of the head that is asked. */
  readonly directory: string;
}

export interface NounOptions {
  readonly name: string;
  readonly summary: string;
  readonly options: Readonly<Record<string, HeadOption>>;
  readonly verbs: readonly Verb[];
  readonly examples: ReadonlyArray<readonly [command: string, meaning: string]>;
}

/** Make the command of a kind of thing. */
export function nounCommand({ name, summary, options, verbs, examples }: NounOptions): HeadCommand {
  const usage = verbs.map((verb) => [verb.name, ...(verb.operands === undefined ? [] : [verb.operands])].join(' '));
  return {
    name,
    summary,
    operands: usage.join(' | '),
    operandCount: [1, Number.MAX_SAFE_INTEGER],
    options: { ...DATA_OPTION, json: { type: 'boolean', short: 'j', summary: 'as JSON' }, ...options },
    examples,
    async run(invocation) {
      const [verbName = '', ...operands] = invocation.operands;
      const verb = verbs.find((one) => one.name === verbName);
      if (!verb) throw headErrors.UsageError({ reason: `${name}: there is no "${verbName}"; there are ${verbs.map((one) => one.name).join(', ')}` });
      const [least, most] = verb.operandCount ?? [0, 0];
      const wanted = `zonewright head ${name} ${verb.name} ${verb.operands ?? ''}`.trimEnd();
      if (operands.length < least || operands.length > most) throw headErrors.UsageError({ reason: `${name} ${verb.name}: too ${operands.length < least ? 'few' : 'many'} arguments; usage: ${wanted}` });
      const foreign = Object.keys(invocation.values).find((option) => option in options && !verb.options?.includes(option));
      if (foreign !== undefined) throw headErrors.UsageError({ reason: `${name} ${verb.name}: --${foreign} has no meaning here` });
      const text = await verb.run({ values: invocation.values, operands, directory: await directoryOf(invocation) });
      process.stdout.write(text === '' ? '' : `${text}\n`);
      return 0;
    },
  };
}

/** A table for a terminal, or the objects as JSON when that was asked for. */
export function shownList(invocation: HeadInvocation, objects: ReadonlyArray<Readonly<Record<string, unknown>>>, columns: Readonly<Record<string, string>>): string {
  if (invocation.values['json']) return JSON.stringify(objects, null, 2);
  const rows = [Object.keys(columns), ...objects.map((object) => Object.values(columns).map((property) => cell(object[property])))];
  const widths = Object.keys(columns).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => row.map((text, column) => text.padEnd(widths[column] ?? 0)).join('  ').trimEnd()).join('\n');
}

function cell(value: unknown): string {
  if (value === undefined || value === null || value === '') return '-';
  return Array.isArray(value) ? value.join(',') : String(value);
}
