import { hostErrors } from '../errors/host-errors.ts';

/** One line of an LXC configuration. */
export type LxcEntry = readonly [key: string, value: string | number];

const KEY = /^lxc(\.[a-z0-9_-]+)+$/;

/**
 * The text of an LXC configuration: the only place where values become lines. LXC reads a line at a time, trims it and
 * strips quotes, so a value that it would read as anything but itself is refused here.
 * @throws UnsafeConfigValue
 */
export function encodeLxcConfig(entries: readonly LxcEntry[]): string {
  return entries.map(([key, value]) => `${checkedKey(key)} = ${checkedValue(key, String(value))}\n`).join('');
}

/** A mount for `lxc.mount.entry`. */
export interface MountEntry {
  readonly source: string;
  /** Relative to the zone's root, without a leading slash. */
  readonly target: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** The value of an `lxc.mount.entry`, an fstab line in which spaces and the like are octal. @throws UnsafeConfigValue */
export function encodeMountEntry(mount: MountEntry): string {
  if (mount.target.startsWith('/') || mount.target.split('/').includes('..') || mount.target === '') {
    throw refuse('lxc.mount.entry', mount.target, 'a target is a path below the root of the zone');
  }
  for (const option of mount.options) {
    if (!/^[A-Za-z0-9_=.,:%+-]+$/.test(option)) throw refuse('lxc.mount.entry', option, 'it is not a mount option');
  }
  return [mount.source, mount.target, mount.type, mount.options.join(',') || 'defaults', '0', '0'].map(encodeField).join(' ');
}

function encodeField(field: string): string {
  if (field === '') throw refuse('lxc.mount.entry', field, 'a field is empty');
  return field.replace(/[ \t\n\\#]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

function checkedKey(key: string): string {
  if (!KEY.test(key)) throw refuse(key, '', 'it is not a configuration key');
  return key;
}

function checkedValue(key: string, value: string): string {
  if (value === '') throw refuse(key, value, 'an empty value would clear earlier lines');
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f\u0085\u2028\u2029]/.test(value)) throw refuse(key, value, 'it holds a control character');
  if (value !== value.trim()) throw refuse(key, value, 'it begins or ends with a blank');
  if (/^["']|["']$/.test(value)) throw refuse(key, value, 'it begins or ends with a quote');
  return value;
}

function refuse(key: string, value: string, reason: string): Error {
  return hostErrors.UnsafeConfigValue({ key, value: JSON.stringify(value.slice(0, 80)), reason });
}
