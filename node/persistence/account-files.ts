/**
 * /etc/passwd and its like belong to two: the image brings the accounts of its programs, the operator changes root's password
 * and adds people. A kept copy would hide the accounts of a newer image, so they are merged line by line when the image changed.
 */
import { chmod, chown, copyFile, mkdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readFileIfPresent, writeFileAtomically } from '../../host/files/atomic.ts';

/** The files, with the fields that are the image's whenever it knows the account: ids, which its own files are owned by. */
const ACCOUNT_FILES: ReadonlyArray<readonly [name: string, ids: readonly number[]]> = [
  ['passwd', [2, 3]],
  ['group', [2]],
  ['shadow', []],
  ['gshadow', []],
];

/** Bring the kept account files up to the image's. @param base where the image's are remembered until the next boot */
export async function mergeAccountFiles({ upper, base, image }: { readonly upper: string; readonly base: string; readonly image: string }): Promise<void> {
  await mkdir(base, { recursive: true, mode: 0o700 });
  for (const [name, ids] of ACCOUNT_FILES) {
    const [ours, last, theirs] = await Promise.all([upper, base, image].map((directory) => readFileIfPresent(join(directory, name))));
    if (theirs === undefined) continue;
    if (ours !== undefined) {
      const merged = mergeAccounts({ base: last ?? theirs, ours, theirs, ids });
      if (merged !== ours) await replaceKeepingOwner(join(upper, name), merged);
    }
    if (last !== theirs) await replaceCopy(join(image, name), join(base, name));
  }
}

export interface AccountTexts {
  /** The image's when `ours` was made of it. */
  readonly base: string;
  readonly ours: string;
  readonly theirs: string;
  /** Fields that are always theirs. */
  readonly ids: readonly number[];
}

/** Merge by account name: a field that the operator changed is the operator's, every other is the image's. */
export function mergeAccounts({ base, ours, theirs, ids }: AccountTexts): string {
  const [before, mine, image] = [base, ours, theirs].map(accountsOf) as [Accounts, Accounts, Accounts];
  const lines: string[] = [];
  for (const [name, fields] of mine) {
    const now = image.get(name);
    const was = before.get(name);
    if (now) lines.push(mergeFields({ was: was ?? now, fields, now, ids }));
    else if (!was || was.join(':') !== fields.join(':')) lines.push(fields.join(':'));
  }
  for (const [name, fields] of image) {
    // One that the operator removed stays removed.
    if (!mine.has(name) && !before.has(name)) lines.push(fields.join(':'));
  }
  return lines.map((line) => `${line}\n`).join('');
}

type Accounts = ReadonlyMap<string, readonly string[]>;

function accountsOf(text: string): Accounts {
  const lines = text.split('\n').filter((line) => line !== '');
  return new Map(lines.map((line) => [line.split(':')[0] ?? '', line.split(':')]));
}

interface AccountFields {
  readonly was: readonly string[];
  readonly fields: readonly string[];
  readonly now: readonly string[];
  readonly ids: readonly number[];
}

function mergeFields({ was, fields, now, ids }: AccountFields): string {
  return fields.map((field, index) => (ids.includes(index) || field === was[index] ? (now[index] ?? field) : field)).join(':');
}

async function replaceKeepingOwner(path: string, text: string): Promise<void> {
  const { uid, gid, mode } = await stat(path);
  const next = `${path}.next`;
  await writeFileAtomically(next, text, { durable: true });
  await chown(next, uid, gid);
  await chmod(next, mode & 0o7777);
  await rename(next, path);
}

async function replaceCopy(from: string, to: string): Promise<void> {
  await copyFile(from, `${to}.next`);
  await rename(`${to}.next`, to);
}
