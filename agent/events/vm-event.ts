import type { VmObject } from '../../vmadm/engine.ts';

/** One difference between two states of an instance (reference §3.7). */
export interface Change {
  /** Names and `null` for a position in an array. */
  readonly path: ReadonlyArray<string | null>;
  /** The same for people: `nics.*.ip`. */
  readonly prettyPath: string;
  readonly action: 'added' | 'removed' | 'changed';
  readonly oldValue?: unknown;
  readonly newValue?: unknown;
  /** What the element of an array is known by: a nic's mac, a disk's path. */
  readonly ident?: string;
}

/** Something that happened to an instance (reference §3.7). */
export interface VmEvent {
  readonly type: 'create' | 'modify' | 'delete';
  /** ISO 8601. */
  readonly date: string;
  readonly zonename: string;
  readonly uuid: string;
  /** As `vmadm get` shows it; not with `delete`. */
  readonly vm?: VmObject;
  /** With `modify`. */
  readonly changes?: readonly Change[];
}
