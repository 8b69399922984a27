/** Payloads in one form: only what the table knows, values of the right type, nothing that is not set. */
import type { Payload } from '../engine.ts';
import type { Brand } from './brands.ts';
import type { PropertyTable } from './property.ts';
import { definitionOf, TOP_LEVEL } from './tables.ts';
import { actionLetter, isAllowed, type PayloadAction } from './validate.ts';
import { normalValue } from './values.ts';

/** The top level of a payload that has been validated; elements of collections stay as they are. */
export function normalPayload(action: PayloadAction, brand: Brand, payload: Payload): Payload {
  return normalElement(TOP_LEVEL, brand, actionLetter(action), payload);
}

/** An element of a collection that has been validated. */
export function normalElement(table: PropertyTable, brand: Brand, letter: string, element: Payload): Payload {
  return Object.fromEntries(
    Object.entries(element).flatMap(([name, value]) => {
      const definition = definitionOf(table, name);
      if (!isAllowed(definition, letter, brand)) return [];
      const normal = normalValue(definition, value);
      return normal === undefined ? [] : [[name, normal]];
    }),
  );
}
