/**
 * What a guest may read and write of its own instance (reference §5.4). Pure: an instance goes in, an answer or a changed
 * instance comes out; sockets, files and the protocol's two versions are elsewhere.
 */

/** The parts of an instance that the metadata service works on, as `vmadm get` has them. */
export interface MetadataVm {
  readonly customer_metadata: Readonly<Record<string, Scalar>>;
  readonly internal_metadata: Readonly<Record<string, Scalar>>;
  readonly internal_metadata_namespaces?: readonly string[];
  readonly tags: Readonly<Record<string, Scalar>>;
  readonly nics: readonly unknown[];
  readonly resolvers: readonly string[];
  readonly routes: Readonly<Record<string, Scalar>>;
  readonly [property: string]: unknown;
}

type Scalar = string | number | boolean;

export type Read = { readonly status: 'success'; readonly value: string } | { readonly status: 'not-found' } | { readonly status: 'failure'; readonly text: string };

/** A write that is allowed: which of the two objects gets which value; null removes the key. */
export type Write =
  | { readonly status: 'success'; readonly object: 'customer_metadata' | 'internal_metadata'; readonly key: string; readonly value: string | null }
  | { readonly status: 'failure'; readonly text: string };

/** Bounds of what a guest can make the host keep. */
export const METADATA_LIMITS = { keyBytes: 512, valueBytes: 1024 * 1024, totalBytes: 4 * 1024 * 1024, keys: 1024 } as const;

/** The value of a key, as text. */
export function readKey(vm: MetadataVm, key: string): Read {
  if (key.startsWith('sdc:')) return readProperty(vm, key.slice('sdc:'.length));
  const from = livesInside(vm, key) ? vm.internal_metadata : vm.customer_metadata;
  return found(own(from, key));
}

/** All keys that the guest may list: its own first, then those of the operator that it may see. */
export function listKeys(vm: MetadataVm): string[] {
  const visible = Object.keys(vm.internal_metadata).filter((key) => livesInside(vm, key) && key !== OPERATOR_SCRIPT);
  return [...Object.keys(vm.customer_metadata), ...visible];
}

/** Decide about a write from the guest; an empty value or null removes the key. */
export function writeKey(vm: MetadataVm, key: string, value: string | null): Write {
  const namespace = namespaceOf(key);
  if (namespace === 'sdc') return { status: 'failure', text: 'Cannot update the "sdc" Namespace.' };
  if (namespace !== undefined && (vm.internal_metadata_namespaces ?? []).includes(namespace)) {
    return { status: 'failure', text: `Cannot update the "${namespace}" Namespace.` };
  }
  const object = key.endsWith('_pw') || key === OPERATOR_SCRIPT ? 'internal_metadata' : 'customer_metadata';
  const kept = value === '' ? null : value;
  const refusal = kept === null ? undefined : tooMuch(vm, object, key, kept);
  return refusal ? { status: 'failure', text: refusal } : { status: 'success', object, key, value: kept };
}

const OPERATOR_SCRIPT = 'operator-script';

/** Properties that are not scalars and yet have a form for guests. */
const STRUCTURED: Readonly<Record<string, (vm: MetadataVm) => string | undefined>> = {
  nics: (vm) => JSON.stringify(vm.nics),
  resolvers: (vm) => JSON.stringify(vm.resolvers),
  routes: (vm) => JSON.stringify(Object.entries(vm.routes).map(([dst, gateway]) => ({ linklocal: false, dst, gateway }))),
  volumes: (vm) => text(own(vm.internal_metadata, 'sdc:volumes')),
  [OPERATOR_SCRIPT]: (vm) => text(own(vm.internal_metadata, OPERATOR_SCRIPT)),
};

function readProperty(vm: MetadataVm, name: string): Read {
  const structured = own(STRUCTURED, name) as ((vm: MetadataVm) => string | undefined) | undefined;
  if (structured) return found(structured(vm));
  if (name.startsWith('tags.')) return found(own(vm.tags, name.slice('tags.'.length)));
  const value = own(vm, name);
  if (value === undefined || value === null) return { status: 'not-found' };
  return typeof value === 'object' ? { status: 'failure', text: `"sdc:${name}" is not a single value` } : found(value);
}

/** Whether a key is kept by the operator: passwords, and namespaces that are declared internal. */
function livesInside(vm: MetadataVm, key: string): boolean {
  const namespace = namespaceOf(key);
  return key.endsWith('_pw') || (namespace !== undefined && (vm.internal_metadata_namespaces ?? []).includes(namespace));
}

function namespaceOf(key: string): string | undefined {
  return key.includes(':') ? key.slice(0, key.indexOf(':')) : undefined;
}

function tooMuch(vm: MetadataVm, object: 'customer_metadata' | 'internal_metadata', key: string, value: string): string | undefined {
  const current = vm[object];
  const others = Object.entries(current).filter(([other]) => other !== key);
  const total = others.reduce((sum, [other, held]) => sum + Buffer.byteLength(other) + Buffer.byteLength(String(held)), 0);
  if (key === '' || Buffer.byteLength(key) > METADATA_LIMITS.keyBytes) return `A key has 1 to ${METADATA_LIMITS.keyBytes} bytes.`;
  if (Buffer.byteLength(value) > METADATA_LIMITS.valueBytes) return `A value has at most ${METADATA_LIMITS.valueBytes} bytes.`;
  if (others.length + 1 > METADATA_LIMITS.keys) return `An instance has at most ${METADATA_LIMITS.keys} keys.`;
  if (total + Buffer.byteLength(value) > METADATA_LIMITS.totalBytes) return `Metadata has at most ${METADATA_LIMITS.totalBytes} bytes in all.`;
  return undefined;
}

function own(object: object, key: string): unknown {
  return Object.hasOwn(object, key) ? (object as Record<string, unknown>)[key] : undefined;
}

function text(value: unknown): string | undefined {
  return value === undefined ? undefined : String(value);
}

function found(value: unknown): Read {
  return value === undefined ? { status: 'not-found' } : { status: 'success', value: String(value) };
}
