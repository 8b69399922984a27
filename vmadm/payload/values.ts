/** Single values of a payload: which are accepted (reference §2.2), and the one form they are brought into. */
import { isUuid } from '../../host/config/units.ts';
import { FORMATS, isPlainText } from './formats.ts';
import type { PropertyDefinition } from './property.ts';

/** Whether a payload's value is one that its property accepts. Whether a pool exists is not asked here. */
export function acceptsValue(definition: PropertyDefinition, value: unknown): boolean {
  switch (definition.type) {
    case 'boolean':
      return definition.format === 'primaryFlag' || booleanOf(value) !== undefined;
    case 'string':
      return isUnset(value) || (typeof value === 'string' && isPlainText(value) && hasFormat(definition, value));
    case 'zpool':
      return typeof value === 'string' && isPlainText(value);
    case 'uuid':
      return isUuid(value);
    case 'integer':
      return isUnset(value) || acceptsInteger(definition, integerOf(value));
    case 'list':
      return acceptsList(definition, value);
    case 'flat-object':
      return acceptsFlatObject(definition, value);
    case 'object-array':
      return Array.isArray(value) && value.every(isPlainObject);
    case 'reported':
      return false;
  }
}

/** An accepted value in its one form; undefined when it means that the property is not set. */
export function normalValue(definition: PropertyDefinition, value: unknown): unknown {
  if (isUnset(value)) return undefined;
  switch (definition.type) {
    case 'boolean':
      return booleanOf(value) ?? value;
    case 'integer':
      return integerOf(value);
    case 'list':
      return definition.joined ? listOf(value).join(',') : listOf(value);
    default:
      return value;
  }
}

/** Whether a value takes a property away instead of giving it one. */
export function isUnset(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** true, "true", 1, "1" and their opposites; undefined for anything else. */
export function booleanOf(value: unknown): boolean | undefined {
  if (value === true || value === 'true' || value === 1 || value === '1') return true;
  if (value === false || value === 'false' || value === 0 || value === '0') return false;
  return undefined;
}

/** The elements of an array or of a comma-separated string, as text. */
export function listOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(String);
  return typeof value === 'string' && value !== '' ? value.split(',').map((element) => element.trim()) : [];
}

/** What a definition accepts, in words for a person. */
export function describeAccepted(definition: PropertyDefinition): string {
  const format = definition.format && FORMATS[definition.format].accepted;
  switch (definition.type) {
    case 'boolean':
      return 'true or false';
    case 'uuid':
      return 'a uuid in lower case';
    case 'zpool':
      return 'the name of a pool of this node';
    case 'integer':
      return `a whole number ${rangeOf(definition)}${definition.unit ? ` (${definition.unit})` : ''}`;
    case 'list':
      return `a list of ${format ?? 'text'}, as an array or separated by commas`;
    case 'flat-object':
      return 'an object whose values are text, numbers or booleans';
    case 'object-array':
      return 'an array of objects';
    default:
      return format ?? 'text without control characters';
  }
}

function rangeOf({ min, max }: PropertyDefinition): string {
  return max === undefined ? `from ${min ?? 0}` : `from ${min ?? 0} to ${max}`;
}

function acceptsInteger({ min = 0, max }: PropertyDefinition, number: number | undefined): boolean {
  if (number === undefined || number < min) return false;
  return number <= (max ?? Number.MAX_SAFE_INTEGER);
}

function integerOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? value : undefined;
  if (typeof value !== 'string' || !/^-?\d{1,20}$/.test(value)) return undefined;
  return Number(value);
}

function acceptsList(definition: PropertyDefinition, value: unknown): boolean {
  if (value === '') return true;
  if (!Array.isArray(value) && typeof value !== 'string') return false;
  if (Array.isArray(value) && !value.every((element) => typeof element === 'string' || typeof element === 'number')) return false;
  return listOf(value).every((element) => element !== '' && !element.includes(',') && isPlainText(element) && hasFormat(definition, element));
}

function acceptsFlatObject(definition: PropertyDefinition, value: unknown): boolean {
  if (!isPlainObject(value)) return false;
  return Object.entries(value).every(([key, element]) => isPlainText(key) && key !== '' && acceptsScalar(definition, element));
}

function acceptsScalar(definition: PropertyDefinition, value: unknown): boolean {
  if (typeof value === 'string') return definition.key ? isPlainText(value) : value.isWellFormed();
  return typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value));
}

function hasFormat(definition: PropertyDefinition, text: string): boolean {
  return definition.format === undefined || FORMATS[definition.format].accepts(text);
}
