/** What differs between two states of an instance, as SmartOS's events put it (reference §3.7). */
import { isDeepStrictEqual } from 'node:util';
import type { VmObject } from '../../vmadm/engine.ts';
import type { Change } from './vm-event.ts';

/** Elements of these arrays are the same when this attribute is; those of all other arrays when they are equal. */
const IDENTITIES: Readonly<Record<string, string>> = { nics: 'mac', disks: 'path', filesystems: 'target', pci_devices: 'path' };

type Path = ReadonlyArray<string | null>;
type Attributes = Readonly<Record<string, unknown>>;

/** All differences, in the order of the older state's properties. */
export function changesBetween(older: VmObject, newer: VmObject): Change[] {
  return objectChanges(older, newer, []);
}

function objectChanges(older: Attributes, newer: Attributes, path: Path): Change[] {
  const names = new Set([...Object.keys(older), ...Object.keys(newer)]);
  return [...names].flatMap((name) => {
    const [before, after] = [own(older, name), own(newer, name)];
    return isDeepStrictEqual(before, after) ? [] : valueChanges(before, after, [...path, name]);
  });
}

function valueChanges(before: unknown, after: unknown, path: Path): Change[] {
  if (before === undefined) return [changeOf(path, 'added', { newValue: after })];
  if (after === undefined) return [changeOf(path, 'removed', { oldValue: before })];
  if (Array.isArray(before) && Array.isArray(after)) return arrayChanges(before, after, path);
  if (isObject(before) && isObject(after)) return objectChanges(before, after, path);
  return [changeOf(path, 'changed', { oldValue: before, newValue: after })];
}

function arrayChanges(before: readonly unknown[], after: readonly unknown[], path: Path): Change[] {
  const identity = IDENTITIES[path.at(-1) ?? ''];
  const inside: Path = [...path, null];
  const same = (one: unknown, other: unknown): boolean => (identity === undefined ? isDeepStrictEqual(one, other) : identOf(one, identity) === identOf(other, identity));
  const removed = before.filter((one) => !after.some((other) => same(one, other)));
  const added = after.filter((one) => !before.some((other) => same(one, other)));
  const kept = before.flatMap((one) => {
    const other = after.find((candidate) => same(one, candidate));
    if (identity === undefined || !isObject(one) || !isObject(other)) return [];
    return objectChanges(one, other, inside).map((change) => ({ ...change, ident: identOf(one, identity) }));
  });
  const ident = (one: unknown) => (identity === undefined ? {} : { ident: identOf(one, identity) });
  return [
    ...kept,
    ...removed.map((oldValue) => changeOf(inside, 'removed', { oldValue, ...ident(oldValue) })),
    ...added.map((newValue) => changeOf(inside, 'added', { newValue, ...ident(newValue) })),
  ];
}

function changeOf(path: Path, action: Change['action'], facts: Pick<Change, 'oldValue' | 'newValue' | 'ident'>): Change {
  return { path, prettyPath: path.map((part) => part ?? '*').join('.'), action, ...facts };
}

function identOf(element: unknown, identity: string): string {
  return isObject(element) ? String(own(element, identity)) : '';
}

function own(object: Attributes, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function isObject(value: unknown): value is Attributes {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
