import { imgadmErrors } from '../errors.ts';
import type { Row } from './rows.ts';

/** `field=value`, or `field=~part` for a part of the text or an element of the list. */
export interface Filter {
  readonly field: string;
  readonly value: string;
  readonly part: boolean;
}

/** Parse the filters of a command line. @throws Usage */
export function parseFilters(args: readonly string[]): Filter[] {
  return args.map((arg) => {
    const [, field, tilde, value] = /^([^=]+)=(~?)(.*)$/s.exec(arg) ?? [];
    if (field === undefined || value === undefined) throw imgadmErrors.Usage({ problem: `invalid filter: "${arg}" (must be of the form "field=value")` });
    return { field, value, part: tilde === '~' };
  });
}

/** Whether a row passes every filter. A field that it does not have passes none. */
export function matchesAll(row: Row, filters: readonly Filter[]): boolean {
  return filters.every((filter) => matches(valueAt(row, filter.field), filter));
}

function matches(actual: unknown, { value, part }: Filter): boolean {
  if (actual === undefined || actual === null) return false;
  if (part) return Array.isArray(actual) ? actual.includes(value) : String(actual).includes(value);
  if (value === 'true' || value === 'false') return actual === (value === 'true');
  return String(actual) === value;
}

/** A field by its name, or by its path: `requirements.brand`. Names of tags may have dots themselves. */
function valueAt(from: unknown, path: string): unknown {
  if (typeof from !== 'object' || from === null) return undefined;
  if (Object.hasOwn(from, path)) return (from as Row)[path];
  for (let dot = path.indexOf('.'); dot > 0; dot = path.indexOf('.', dot + 1)) {
    const head = path.slice(0, dot);
    if (Object.hasOwn(from, head)) return valueAt((from as Row)[head], path.slice(dot + 1));
  }
  return undefined;
}
