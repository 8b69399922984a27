/**
 * What the property tables say of one property. The tables (`properties.ts`, `nic-properties.ts` …) are the only place
 * where a property is described: types, validation, defaults, update rules, `get` and the documentation come from them.
 */
import { BRANDS, HVM_BRANDS, OS_BRANDS, type Brand } from './brands.ts';
import type { FormatName } from './formats.ts';

/** Types of value in a payload (reference §2.2); `reported` is never in a payload, only in what `get` prints. */
export type PropertyType = 'boolean' | 'string' | 'integer' | 'uuid' | 'list' | 'flat-object' | 'object-array' | 'zpool' | 'reported';

/** Brands that know a property. */
export const ALL: readonly Brand[] = BRANDS;
export const OS: readonly Brand[] = OS_BRANDS;
export const HVM: readonly Brand[] = HVM_BRANDS;
export const OS_AND_KVM: readonly Brand[] = [...OS_BRANDS, 'kvm'];
export const KVM: readonly Brand[] = ['kvm'];
export const BHYVE: readonly Brand[] = ['bhyve'];
export const LX: readonly Brand[] = ['lx'];
export const DOCKER_CAPABLE: readonly Brand[] = ['joyent-minimal', 'lx'];

/** Collections whose elements have a table of their own. */
export type CollectionName = 'nics' | 'disks' | 'filesystems' | 'pci_devices';

export interface PropertyDefinition {
  readonly type: PropertyType;
  readonly brands: readonly Brand[];
  /** Top level: c(reate), r(eceive), u(pdate). In a collection: a(dd), u(pdate), r(eceive). Empty: only reported. */
  readonly actions: string;
  /** What it is, for people. */
  readonly summary: string;
  readonly unit?: string;
  readonly min?: number;
  readonly max?: number;
  /** Stored when a payload has no value. */
  readonly default?: string | number | boolean;
  /** The default in words, when it is derived or belongs to what runs the instance. */
  readonly defaultText?: string;
  /** Brands for which a create is incomplete without it. */
  readonly required?: readonly Brand[];
  /** Which values are accepted, beyond the type; for a list, of each element. */
  readonly format?: FormatName;
  /** When an update takes effect: at once, at the next boot, or not before the instance is stopped. */
  readonly applies?: 'live' | 'reboot' | 'stop';
  /** An update of the element keeps it when it is not named (the [upd] of the reference). */
  readonly merged?: boolean;
  readonly deprecated?: boolean;
  /** Every record has it. */
  readonly always?: true;
  /** A list that is stored and shown as one comma-separated string. */
  readonly joined?: true;
  /** It steers an operation and is not part of the instance. */
  readonly transient?: true;
  /** When `get` leaves it out although it is stored. */
  readonly hidden?: 'always' | 'when-false' | 'when-true' | 'when-zero' | 'when-empty';
  /** The collection that its elements belong to. */
  readonly elements?: CollectionName;
  /** Values of a flat object are text of any kind; its keys are not. */
  readonly key?: true;
}

export type PropertyTable = Readonly<Record<string, PropertyDefinition>>;

type ValueOf<Definition extends PropertyDefinition> = Definition['type'] extends 'boolean'
  ? boolean
  : Definition['type'] extends 'integer'
    ? number
    : Definition['type'] extends 'list'
      ? Definition extends { joined: true }
        ? string
        : readonly string[]
      : Definition['type'] extends 'flat-object'
        ? FlatObject
        : string;

/** Tags, metadata, routes. */
export type FlatObject = Readonly<Record<string, string | number | boolean>>;

type NotStored = { readonly type: 'reported' | 'object-array' } | { readonly transient: true };

/** What is stored of the properties of a table: those that are always there, and the others. Collections are typed apart. */
export type Stored<Table extends PropertyTable> = {
  readonly [Name in keyof Table as Table[Name] extends { always: true } ? (Table[Name] extends NotStored ? never : Name) : never]: ValueOf<Table[Name]>;
} & {
  readonly [Name in keyof Table as Table[Name] extends { always: true } ? never : Table[Name] extends NotStored ? never : Name]?: ValueOf<Table[Name]>;
};
