import { InvalidFields, type FieldError } from '../http/invalid-fields.ts';

/** What is wrong with a request, collected, so that a caller hears all of it at once (control-plane §3.1). */
export interface Problems {
  missing(field: string): void;
  invalid(field: string, message: string, code?: string): void;
  /** @throws ValidationFailed when there is any */
  throwIfAny(): void;
}

export function newProblems(): Problems {
  const found: FieldError[] = [];
  return {
    missing: (field) => void found.push({ field, code: 'MissingParameter', message: 'is missing' }),
    invalid: (field, message, code = 'Invalid') => void found.push({ field, code, message }),
    throwIfAny() {
      if (found.length > 0) throw new InvalidFields('ValidationFailed', found);
    },
  };
}

/** A value as an error text may show it. */
export function shown(value: unknown): string {
  const json = JSON.stringify(value) ?? 'nothing';
  return json.length > 80 ? `${json.slice(0, 80)}…` : json;
}
