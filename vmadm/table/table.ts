/** Instances as lines of text, sorted (reference §4.1). Pure functions: what `list` prints is decided here. */
import type { VmObject } from '../engine.ts';
import { vmErrors } from '../errors.ts';
import { columnOf, isField, isWildcard, valueOf, type Column } from './columns.ts';

export interface TableOptions {
  readonly fields: readonly string[];
  readonly sort: readonly SortField[];
  readonly parsable: boolean;
  /** Undefined: as `parsable` has it. */
  readonly header: boolean | undefined;
}

export interface SortField {
  readonly field: string;
  readonly descending: boolean;
}

/** All lines of a list, each with its newline. */
export function formatTable(vms: readonly VmObject[], { fields, sort, parsable, header }: TableOptions): string {
  const columns = fields.map(columnOf);
  const values = fields.map(valueOf);
  const rows = sorted(vms, sort).map((vm) => values.map((valueIn) => textOf(valueIn(vm))));
  const heads = (header ?? !parsable) ? [columns.map((column) => column.header)] : [];
  const lines = [...heads, ...rows];
  if (parsable) return lines.map((cells) => `${parsableLine(cells)}\n`).join('');
  // A tag or a piece of metadata may hold anything; a terminal must not obey it.
  const shown = CONTROL.test(rows.flat().join('')) ? lines.map((cells) => cells.map(withoutControls)) : lines;
  return shown.map((cells) => `${paddedLine(cells, columns)}\n`).join('');
}

/** `-o a,b`. @throws InvalidOrderKey, InvalidOrderField */
export function parseFields(text: string): string[] {
  const fields = text.split(',');
  for (const field of fields) {
    if (isWildcard(field)) throw vmErrors.InvalidOrderKey({ key: field });
    if (!isField(field)) throw vmErrors.InvalidOrderField({ field });
  }
  return fields;
}

/** `-s -a,+b`. @throws InvalidSortKey, InvalidSortField */
export function parseSort(text: string): SortField[] {
  return text.split(',').map((word) => {
    const field = word.replace(/^[-+]/, '');
    if (isWildcard(field)) throw vmErrors.InvalidSortKey({ key: field });
    if (!isField(field)) throw vmErrors.InvalidSortField({ field });
    return { field, descending: word.startsWith('-') };
  });
}

function textOf(value: unknown): string {
  return value === undefined ? '' : String(value);
}

/** No escaping: programs split at every ":". */
function parsableLine(cells: readonly string[]): string {
  return cells.join(':');
}

function paddedLine(cells: readonly string[], columns: readonly Column[]): string {
  return cells
    .map((cell, index) => (cell === '' ? '-' : cell).padEnd(columns[index]?.width ?? 0))
    .join('  ')
    .trimEnd();
}

const CONTROL = /\p{Cc}/u;

function withoutControls(cell: string): string {
  return cell.replace(/\p{Cc}/gu, '?');
}

/** What is compared is looked up once for each instance, not for each comparison. */
function sorted(vms: readonly VmObject[], sort: readonly SortField[]): VmObject[] {
  const values = sort.map(({ field }) => valueOf(field));
  const keyed = vms.map((vm) => ({ vm, keys: values.map((valueIn) => valueIn(vm)) }));
  keyed.sort((one, other) => {
    for (const [index, { descending }] of sort.entries()) {
      const order = compare(one.keys[index], other.keys[index]);
      if (order !== 0) return descending ? -order : order;
    }
    return 0;
  });
  return keyed.map(({ vm }) => vm);
}

/** Numbers by value, all else as text; what is missing comes last. */
function compare(one: unknown, other: unknown): number {
  if (one === undefined || other === undefined) return Number(one === undefined) - Number(other === undefined);
  if (typeof one === 'number' && typeof other === 'number') return one - other;
  const [text, otherText] = [String(one), String(other)];
  return text < otherText ? -1 : text > otherText ? 1 : 0;
}
