/** Reading single values that a person typed. */
import { isIPv4 } from 'node:net';
import { answersSchema, type Answers } from './answers.ts';
import { Mistake } from './dialogue.ts';

/** A whole word is asked for where the wrong key could cost something. */
export function yesOrNo(typed: string): boolean {
  if (/^yes$/i.test(typed)) return true;
  if (/^no?$/i.test(typed)) return false;
  throw new Mistake('Please type yes or no.');
}

/** A value as answers have it under that key. @throws Mistake with the schema's own words */
export function valueOf<Key extends keyof Answers>(key: Key, typed: unknown): NonNullable<Answers[Key]> {
  const { data, error } = answersSchema.shape[key].safeParse(typed);
  if (error) throw new Mistake(`That cannot be used: it ${error.issues[0]?.message ?? 'is wrong'}.`);
  return data as NonNullable<Answers[Key]>;
}

/** Names or addresses with commas or blanks between them; nothing for none. */
export function listOf<Key extends 'dns_resolvers' | 'ntp_hosts'>(key: Key, typed: string): NonNullable<Answers[Key]> {
  return valueOf(key, /^none$/i.test(typed) ? [] : typed.split(/[\s,]+/).filter((part) => part !== ''));
}

/** One of several, by its number or its name. */
export function choiceOf<Name extends string>(names: readonly Name[], typed: string): Name {
  const chosen = names[Number(typed) - 1] ?? names.find((name) => name === typed.toLowerCase());
  if (chosen !== undefined) return chosen;
  throw new Mistake(`Please type a number from 1 to ${names.length}.`);
}

/** An IPv4 address, or undefined for "none". */
export function addressOrNone(typed: string): string | undefined {
  if (typed === '' || /^none$/i.test(typed)) return undefined;
  if (isIPv4(typed)) return typed;
  throw new Mistake('That is not an IPv4 address, nor "none".');
}
