/** Figures out of documents that others wrote: numbers may be text, whole parts may be missing. */
import type { WireObject } from '../services.ts';

export function objectOf(value: unknown): WireObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as WireObject) : {};
}

/** A finite number, or the text of one. */
export function numberIn(object: WireObject, property: string): number | undefined {
  const value = object[property];
  const number = typeof value === 'number' ? value : typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? Number(value) : Number.NaN;
  return Number.isFinite(number) ? number : undefined;
}
