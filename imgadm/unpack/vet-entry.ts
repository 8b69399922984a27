/**
 * The rules for entries of an archive that nobody vouches for.
 *
 * Each entry is judged by itself and against all before it, by names alone: nothing is looked up in a file system. What
 * passes can only make files, directories and links below the directory that it is unpacked into, whatever program does it.
 */
import { imgadmErrors } from '../errors.ts';

export type EntryType = 'file' | 'directory' | 'symlink' | 'link' | 'fifo';

/** An entry as the archive says it, decoded but not believed. */
export interface RawEntry {
  readonly name: string;
  readonly type: string | null | undefined;
  readonly linkname?: string | null | undefined;
  readonly size?: number | undefined;
  readonly mode?: number | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  readonly mtime?: Date | undefined;
  readonly pax?: Readonly<Record<string, string>> | null | undefined;
}

/** An entry that has passed: a path without leading or trailing slash (empty for the root itself) and sound numbers. */
export interface VettedEntry {
  readonly path: string;
  readonly type: EntryType;
  /** For a link the path of an earlier entry, for a symbolic link any text. */
  readonly target: string;
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly seconds: number;
}

/** What the archive has made so far. Implied parent directories count. */
export type Seen = Map<string, 'file' | 'directory' | 'symlink' | 'fifo'>;

/** Judge one entry and remember it. @throws UnsafeArchive naming it */
export function vetEntry(entry: RawEntry, seen: Seen): VettedEntry {
  const shown = shownName(entry.name);
  const refuse = (reason: string): Error => imgadmErrors.UnsafeArchive({ entry: shown, reason });
  const type = entryType(entry, refuse);
  const path = vetPath(entry.name, refuse);
  if (path === '' && type !== 'directory') throw refuse('the root is not a directory');
  const target = type === 'link' ? vetPath(entry.linkname ?? '', refuse, 'its target') : type === 'symlink' ? vetLinkText(path, entry.linkname ?? '', refuse) : '';
  vetParents(path, seen, refuse);
  const kind = type === 'link' ? linkedKind(target, path, seen, refuse) : type;
  const before = seen.get(path);
  if (before !== undefined && before !== kind) throw refuse(`it was a ${before} before and is a ${kind} now`);
  seen.set(path, kind);
  return { path, type, target, ...numbersOf(entry, type, refuse) };
}

type Refuse = (reason: string) => Error;

const MAX_PATH = 4095;
const MAX_COMPONENT = 255;

function entryType(entry: RawEntry, refuse: Refuse): EntryType {
  if (Object.keys(entry.pax ?? {}).some((key) => key.startsWith('GNU.sparse.'))) throw refuse('it is a sparse file in a form that is not supported');
  switch (entry.type) {
    case 'file':
    case 'contiguous-file':
      return 'file';
    case 'directory':
    case 'symlink':
    case 'link':
    case 'fifo':
      return entry.type;
    case 'character-device':
    case 'block-device':
      throw refuse('it is a device node');
    default:
      throw refuse('its type is not supported');
  }
}

function vetPath(name: string, refuse: Refuse, what = 'its name'): string {
  if (name === '') throw refuse(`${what} is empty`);
  if (name.startsWith('/')) throw refuse(`${what} is absolute`);
  vetText(name, refuse, what);
  const components = name.split('/').filter((component) => component !== '' && component !== '.');
  if (components.includes('..')) throw refuse(`${what} goes up with ".."`);
  if (components.some((component) => Buffer.byteLength(component) > MAX_COMPONENT)) throw refuse(`${what} has a part longer than ${MAX_COMPONENT} bytes`);
  return components.join('/');
}

/** Symbolic links are text that the guest follows inside its own root; only those that climb out of it are refused. */
function vetLinkText(path: string, target: string, refuse: Refuse): string {
  if (target === '') throw refuse('its target is empty');
  vetText(target, refuse, 'its target');
  if (target.startsWith('/')) return target;
  let depth = path.split('/').length - 1;
  for (const component of target.split('/')) {
    if (component === '..') depth--;
    else if (component !== '' && component !== '.') depth++;
    if (depth < 0) throw refuse('its target climbs above the root');
  }
  return target;
}

function vetText(text: string, refuse: Refuse, what: string): void {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(text)) throw refuse(`${what} holds a control character`);
  if (text.includes('\ufffd')) throw refuse(`${what} is not UTF-8`);
  if (Buffer.byteLength(text) > MAX_PATH) throw refuse(`${what} is longer than ${MAX_PATH} bytes`);
}

function vetParents(path: string, seen: Seen, refuse: Refuse): void {
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    const parent = path.slice(0, slash);
    const kind = seen.get(parent);
    if (kind === 'symlink') throw refuse(`it would be written through the symbolic link "${shownName(parent)}"`);
    if (kind !== undefined && kind !== 'directory') throw refuse(`"${shownName(parent)}" is a ${kind}, not a directory`);
    if (kind === 'directory') return; // Its own parents were looked at when it came.
    seen.set(parent, 'directory');
  }
}

function linkedKind(target: string, path: string, seen: Seen, refuse: Refuse): 'file' | 'symlink' | 'fifo' {
  const kind = seen.get(target);
  if (kind === undefined || target === '') throw refuse(`it is a link to "${shownName(target)}", which the archive has not made before`);
  if (kind === 'directory') throw refuse('it is a hard link to a directory');
  if (target === path) throw refuse('it is a link to itself');
  return kind;
}

function numbersOf(entry: RawEntry, type: EntryType, refuse: Refuse): Pick<VettedEntry, 'size' | 'mode' | 'uid' | 'gid' | 'seconds'> {
  const { size = 0, mode = 0o644, uid = 0, gid = 0 } = entry;
  for (const number of [size, mode, uid, gid]) {
    if (!Number.isSafeInteger(number) || number < 0) throw refuse('a number in its header makes no sense');
  }
  if (type !== 'file' && size !== 0) throw refuse('it has content although it is not a file');
  const seconds = Math.trunc((entry.mtime?.getTime() ?? 0) / 1000);
  return { size, mode: mode & 0o7777, uid, gid, seconds: Math.min(Math.max(Number.isFinite(seconds) ? seconds : 0, 0), 0x7fffffff) };
}

/** A name that can be printed: what is not text is escaped, what is long is cut. */
function shownName(name: string): string {
  const escaped = JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name).slice(1, -1);
  return escaped.replace(/[\u007f-\u009f]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
