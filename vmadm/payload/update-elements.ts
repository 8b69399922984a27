/** What updates of all collections share: operators, and elements that are known by a key (reference §2.6). */
import type { Payload } from '../engine.ts';
import { vmErrors } from '../errors.ts';
import type { PropertyTable } from './property.ts';
import { isUnset } from './values.ts';

const COLLECTION_NAMES = ['nics', 'disks', 'filesystems', 'pci_devices'];

/** Refuse operators that are not arrays or contradict each other. @throws NotAnArray, BothSpecified */
export function requireOperators(payload: Payload): void {
  for (const name of COLLECTION_NAMES) {
    for (const operator of [`add_${name}`, `update_${name}`, `remove_${name}`]) {
      const value = payload[operator];
      const isList = operator.startsWith('remove_') && typeof value === 'string';
      if (value !== undefined && !Array.isArray(value) && !isList) throw vmErrors.NotAnArray({ name: operator });
    }
    if (payload[name] !== undefined && payload[`add_${name}`] !== undefined) throw vmErrors.BothSpecified({ name });
  }
}

/** The elements that an operator of a payload names. */
export function elementsOf(payload: Payload, operator: string): readonly Payload[] {
  return (payload[operator] ?? []) as readonly Payload[];
}

/** An element with the attributes of an update: named ones replaced, emptied ones taken away, the others as they were. */
export function merged(table: PropertyTable, element: Payload, update: Payload): Payload {
  const entries = Object.entries({ ...element, ...update }).filter(([name, value]) => Object.hasOwn(table, name) && !isUnset(value));
  return Object.fromEntries(entries);
}
