/** Filters of `list` and `lookup` (reference §4.2). */
import type { VmObject } from '../engine.ts';
import { vmErrors } from '../errors.ts';
import { isField, valuesOf } from '../table/columns.ts';

export type Filter = (vm: VmObject) => boolean;

/**
 * A filter from `key=value` and `key=~pattern` words, all of which an instance must match. A word without `=` asks for an
 * empty value, which nothing has.
 * @param badKey the error for a key that is no field.
 */
export function parseFilters(words: readonly string[], badKey: (facts: { readonly key: string }) => Error): Filter {
  const filters = words.map((word) => parseFilter(word, badKey));
  return (vm) => filters.every((filter) => filter(vm));
}

/** The fields that filters look at. */
export function filterFields(words: readonly string[]): string[] {
  return words.map((word) => word.split('=')[0] ?? word);
}

function parseFilter(word: string, badKey: (facts: { readonly key: string }) => Error): Filter {
  const separator = word.indexOf('=');
  const key = separator === -1 ? word : word.slice(0, separator);
  const wanted = separator === -1 ? '' : word.slice(separator + 1);
  if (!isField(key)) throw badKey({ key });
  const matches = wanted.startsWith('~') ? patternMatcher(key, wanted.slice(1)) : equalityMatcher(key, wanted);
  const values = valuesOf(key);
  return (vm) => values(vm).some((value) => matches(String(value)));
}

function patternMatcher(key: string, source: string): (text: string) => boolean {
  try {
    const pattern = new RegExp(source, 'i');
    return (text) => pattern.test(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw vmErrors.InvalidPattern({ key, reason: error.message }, { cause: error });
  }
}

function equalityMatcher(key: string, wanted: string): (text: string) => boolean {
  // `list` shows BHYV for what `get` calls BHYVE.
  if (key === 'type') return (text) => text === wanted || text === wanted.slice(0, 4);
  if (!key.endsWith('.mac')) return (text) => text === wanted;
  const mac = withoutLeadingZeros(wanted);
  return (text) => withoutLeadingZeros(text) === mac;
}

/** `02:08:0f` and `2:8:f` are the same address. */
function withoutLeadingZeros(mac: string): string {
  return mac.toLowerCase().replace(/(^|:)0+(?=[0-9a-f])/g, '$1');
}
