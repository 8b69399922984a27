/**
 * Files below the root of a guest.
 *
 * A guest owns every name below its root and may have made any of them a symbolic link to somewhere on the host. So no
 * path below such a root is ever resolved by the kernel as a whole: each component is opened by itself, relative to its
 * parent's descriptor and without following links (`/proc/self/fd/N/name` is what Node offers for `openat`).
 */
import { constants } from 'node:fs';
import { lchown, lstat, mkdir, open, readdir, readFile, readlink, rm, rename, unlink, type FileHandle } from 'node:fs/promises';
import { isSystemError } from '../errors/errors.ts';
import { hostErrors } from '../errors/host-errors.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY, O_CREAT, O_EXCL } = constants;

export interface Ownership {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Write a file below `root`, replacing whatever has that name (a link is removed, not followed).
 * Missing parents are made with the same owner.
 * @throws UnsafePath when a parent is a link, or the path has `..` or is empty.
 */
export async function writeFileBeneath(root: string, path: string, content: string, options: Ownership & { mode: number }): Promise<void> {
  await withParent(root, path, options, async (parent, name) => {
    const temporary = `.${name}.zonewright`;
    await rm(at(parent, temporary), { force: true });
    const file = await open(at(parent, temporary), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, options.mode);
    try {
      await file.writeFile(content);
      await file.chown(options.uid, options.gid);
      await file.chmod(options.mode);
    } finally {
      await file.close();
    }
    await rename(at(parent, temporary), at(parent, name));
  });
}

/** Make a directory below `root`, and those above it, where they are missing. @throws UnsafePath */
export async function makeDirectoryBeneath(root: string, path: string, owner: Ownership): Promise<void> {
  await withParent(root, `${path}/.`, owner, async () => undefined);
}

/**
 * Read a regular file below `root`; undefined when it, or a directory on the way, does not exist.
 * @throws UnsafePath, also when it is no regular file or larger than `mostBytes`
 */
export async function readFileBeneath(root: string, path: string, mostBytes = Infinity): Promise<string | undefined> {
  return ifPresent(() =>
    withParent(root, path, undefined, async (parent, name) => {
      // A guest may have put a pipe there, whose opening would wait for a writer.
      const file = await open(at(parent, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      try {
        const stats = await file.stat();
        if (!stats.isFile() || stats.size > mostBytes) throw hostErrors.UnsafePath({ path, reason: `it is not a file of at most ${mostBytes} bytes` });
        return await readFile(file, 'utf8');
      } finally {
        await file.close();
      }
    }),
  );
}

/** Remove a file below `root`; nothing happens when it is not there. @throws UnsafePath */
export async function removeFileBeneath(root: string, path: string): Promise<void> {
  await ifPresent(() => withParent(root, path, undefined, (parent, name) => unlink(at(parent, name))));
}

/** What kind of thing a path below `root` is, without following it. @throws UnsafePath */
export async function kindBeneath(root: string, path: string): Promise<'directory' | 'file' | 'link' | 'other' | undefined> {
  return ifPresent(() =>
    withParent(root, path, undefined, async (parent, name) => {
      const stats = await lstat(at(parent, name));
      return stats.isDirectory() ? 'directory' : stats.isFile() ? 'file' : stats.isSymbolicLink() ? 'link' : 'other';
    }),
  );
}

/** The target of a link below `root`, as text. @throws UnsafePath */
export async function readLinkBeneath(root: string, path: string): Promise<string | undefined> {
  return ifPresent(() => withParent(root, path, undefined, (parent, name) => readlink(at(parent, name))));
}

/** Names in a directory below `root`, or none when it does not exist. @throws UnsafePath */
export async function listBeneath(root: string, path: string): Promise<string[]> {
  return (await ifPresent(() => withParent(root, `${path}/.`, undefined, (parent) => readdir(`/proc/self/fd/${parent.fd}`)))) ?? [];
}

type ParentWork<Result> = (parent: FileHandle, name: string) => Promise<Result>;

async function withParent<Result>(root: string, path: string, makeAs: Ownership | undefined, work: ParentWork<Result>): Promise<Result> {
  const components = componentsOf(path);
  const name = components.pop() ?? '';
  let directory = await open(root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    for (const component of components) {
      const next = await openDirectory(directory, component, path, makeAs);
      await directory.close();
      directory = next;
    }
    return await work(directory, name);
  } finally {
    await directory.close();
  }
}

function componentsOf(path: string): string[] {
  const lastIsDot = path.endsWith('/.');
  const components = path.split('/').filter((component) => component !== '' && component !== '.');
  if (lastIsDot) components.push('.');
  if (components.length === 0) throw hostErrors.UnsafePath({ path, reason: 'it names nothing' });
  if (components.includes('..')) throw hostErrors.UnsafePath({ path, reason: 'it goes up with ".."' });
  if (path.includes('\0')) throw hostErrors.UnsafePath({ path, reason: 'it holds a NUL byte' });
  return components;
}

async function openDirectory(parent: FileHandle, component: string, path: string, makeAs: Ownership | undefined): Promise<FileHandle> {
  try {
    return await open(at(parent, component), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    if (isSystemError(error, 'ENOTDIR', 'ELOOP')) {
      throw hostErrors.UnsafePath({ path, reason: `"${component}" is not a directory of the guest's own` });
    }
    if (!isSystemError(error, 'ENOENT') || !makeAs) throw error;
  }
  await mkdir(at(parent, component), { mode: 0o755 });
  await lchown(at(parent, component), makeAs.uid, makeAs.gid);
  return open(at(parent, component), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

function at(parent: FileHandle, name: string): string {
  return `/proc/self/fd/${parent.fd}/${name}`;
}

async function ifPresent<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}
