/** NAPI's way to say what is wrong with a request: status 422, one entry for each field at fault (control-plane §4). */
import type { z } from 'zod';
import { InvalidFields, type FieldError } from '../http/invalid-fields.ts';
import { networkErrors } from './errors.ts';

/** Text a caller gave, short enough to be repeated to him. */
export function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined');
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

export function invalid(field: string, message: string, code = 'InvalidParameter'): FieldError {
  return { field, code, message };
}

/** The error that carries these fields. */
export function invalidParameters(...fields: readonly FieldError[]): InvalidFields {
  return new InvalidFields('InvalidParameters', fields);
}

/** The error for something that others still need: 422 InUse. */
export function inUse(what: string, users: ReadonlyArray<{ readonly type: string; readonly id: string }>): Error {
  return networkErrors.InUse({ what, users: users.map(({ type, id }) => `${type} ${id}`).join(', ') });
}

/** Read a request's parameters. @throws InvalidParameters with all that is wrong */
export function readParameters<Schema extends z.ZodType>(schema: Schema, parameters: unknown): z.output<Schema> {
  const result = schema.safeParse(parameters);
  if (result.success) return result.data;
  throw invalidParameters(...result.error.issues.flatMap((issue) => fieldErrorsOf(issue, parameters)));
}

function fieldErrorsOf(issue: z.core.$ZodIssue, parameters: unknown): FieldError[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => invalid(shown(key), 'there is no such parameter', 'UnknownParameters'));
  const field = issue.path.join('.');
  const value = valueAt(parameters, issue.path);
  if (value === undefined) return [invalid(field, 'is required', 'MissingParameter')];
  return [invalid(field, `${issue.message}, not ${shown(value)}`)];
}

/** A list that came as text is that text. */
function valueAt(parameters: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce((value, key) => (typeof value === 'object' && value !== null ? (value as Readonly<Record<PropertyKey, unknown>>)[key] : value), parameters);
}
