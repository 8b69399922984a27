import { existsSync } from 'node:fs';
import { mkdir, open, readFile, readdir, rename, rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isSystemError } from '../errors/errors.ts';

export interface WriteOptions {
  /** Wait until the content would survive a power cut. */
  readonly durable: boolean;
  /** Permission bits; 0600 unless given: what we write may hold secrets. */
  readonly mode?: number;
}

/** Replace a file as a whole: a reader sees the old content or the new, never a part. */
export async function writeFileAtomically(path: string, content: string, options: WriteOptions): Promise<void> {
  const temporary = join(dirname(path), `.${process.pid}-${crypto.randomUUID()}.tmp`);
  try {
    const file = await open(temporary, 'wx', options.mode ?? 0o600);
    try {
      await file.writeFile(content);
      if (options.durable) await file.sync();
      await rename(temporary, path);
      // zfs-fuse ignores the sync of a directory; that of the file itself takes its new name along.
      if (options.durable) await (isFuse(await statfs(path)) ? file.sync() : syncEntries(dirname(path)));
    } finally {
      await file.close();
    }
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Remove what writers that died half-way left in a directory. */
export async function sweepTemporaries(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const writer = /^\.(\d+)-[0-9a-f-]{36}\.tmp$/.exec(name)?.[1];
    if (writer !== undefined && !existsSync(`/proc/${writer}`)) await rm(join(directory, name), { force: true });
  }
}

/** Make names created in, renamed into or removed from a directory survive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  await (isFuse(await statfs(path)) ? syncByFile(path) : syncEntries(path));
}

async function syncEntries(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** f_type of FUSE mounts, zfs-fuse's among them. */
const FUSE = 0x65735546;

function isFuse({ type }: { readonly type: number }): boolean {
  return type === FUSE;
}

/** zfs-fuse ignores the sync of a directory, but whatever came before the sync of a file that was written is kept with it. */
async function syncByFile(directory: string): Promise<void> {
  const file = await open(join(directory, '.sync'), 'w', 0o600);
  try {
    await file.writeFile('x');
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A file's text, or undefined when there is no such file. */
export async function readFileIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** Make a directory (and its parents) that only root can enter. */
export async function makePrivateDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
}
