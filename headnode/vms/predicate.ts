/** VMAPI's predicates (control-plane §3.4): `{"and":[{"eq":["brand","lx"]},{"ge":["ram",1024]}]}`. */
import { InvalidFields } from '../http/invalid-fields.ts';
import { fieldValue, vmField } from './fields.ts';

const COMPARISONS: Readonly<Record<string, string>> = { eq: '=', ne: 'IS DISTINCT FROM', le: '<=', ge: '>=', lt: '<', gt: '>' };
const DEEPEST = 8;
const MOST_PARTS = 100;

/**
 * A predicate as a condition in SQL.
 * @param bind takes a value and gives its place (`$3`)
 * @throws ValidationFailed when it is not one; nothing of it reaches the SQL but names that are known and values that are bound
 */
export function predicateSql(json: string, bind: (value: unknown) => string): string {
  const budget = { parts: 0 };
  return conditionOf(parse(json), { bind, depth: 0, budget });
}

interface Within {
  readonly bind: (value: unknown) => string;
  readonly depth: number;
  readonly budget: { parts: number };
}

function conditionOf(predicate: unknown, within: Within): string {
  const { bind, depth, budget } = within;
  budget.parts += 1;
  if (depth > DEEPEST || budget.parts > MOST_PARTS) throw invalid(`it has more than ${MOST_PARTS} parts or is nested more than ${DEEPEST} deep`);
  const entries = isObject(predicate) ? Object.entries(predicate) : [];
  const [operator, operands] = entries[0] ?? [];
  if (entries.length !== 1 || operator === undefined) throw invalid(`each part must be an object with one operator, not ${shown(predicate)}`);
  if (operator === 'and' || operator === 'or') {
    if (!Array.isArray(operands) || operands.length === 0) throw invalid(`${operator} takes an array of predicates`);
    const conditions = operands.map((operand) => conditionOf(operand, { ...within, depth: depth + 1 }));
    return `(${conditions.join(operator === 'and' ? ' AND ' : ' OR ')})`;
  }
  const comparison = Object.hasOwn(COMPARISONS, operator) ? COMPARISONS[operator] : undefined;
  if (comparison === undefined) throw invalid(`there is no operator ${shown(operator)}; there are and, or, ${Object.keys(COMPARISONS).join(', ')}`);
  if (!Array.isArray(operands) || operands.length !== 2) throw invalid(`${operator} takes [field, value]`);
  const [name, value] = operands as readonly unknown[];
  const field = typeof name === 'string' ? vmField(name) : undefined;
  if (!field) throw invalid(`there is no field ${shown(name)} to compare`);
  const bound = fieldValue(field, value);
  if (bound === undefined) throw invalid(`${String(name)} is compared with ${shown(value)}, which is not a ${field.type}`);
  return `((${field.sql}) ${comparison} ${bind(bound)}::${field.type === 'number' ? 'numeric' : field.type})`;
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    if (error instanceof SyntaxError) throw invalid('it is not JSON');
    throw error;
  }
}

function invalid(reason: string): InvalidFields {
  return new InvalidFields('ValidationFailed', [{ field: 'predicate', code: 'Invalid', message: reason }]);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  const json = JSON.stringify(value) ?? 'nothing';
  return json.length > 60 ? `${json.slice(0, 60)}…` : json;
}
