import type { Row } from './rows.ts';

/** Sort by fields, `-field` for reverse: numbers as numbers, all else as text, what is missing first. */
export function sortRows<Item>(items: readonly Item[], fields: readonly string[], rowOf: (item: Item) => Row): Item[] {
  const keys = fields.map((field) => ({ name: field.replace(/^-/, ''), sign: field.startsWith('-') ? -1 : 1 }));
  return [...items].sort((one, other) => {
    for (const { name, sign } of keys) {
      const order = compare(rowOf(one)[name], rowOf(other)[name]);
      if (order !== 0) return order * sign;
    }
    return 0;
  });
}

function compare(one: unknown, other: unknown): number {
  if (isMissing(one) || isMissing(other)) return Number(isMissing(other)) - Number(isMissing(one));
  if (isNumeric(one) && isNumeric(other)) return Number(one) - Number(other);
  const [left, right] = [String(one), String(other)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function isMissing(value: unknown): boolean {
  return value === undefined || value === null;
}

function isNumeric(value: unknown): boolean {
  return typeof value === 'number' || (typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value)));
}
