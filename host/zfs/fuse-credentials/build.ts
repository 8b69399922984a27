/**
 * The library that lets zfs-fuse serve user namespaces (`fuse-credentials.c` says why), built by the host's compiler and
 * kept in a cache under a key of its source.
 *
 * As a program it prints where the library is.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrorCode } from '../../errors/errors.ts';
import { withLock } from '../../lock/lock.ts';
import { run } from '../../run/run.ts';

const SOURCE = join(import.meta.dirname, 'fuse-credentials.c');
/** Beside the one executable there is a library instead of its source. */
const INSTALLED = join(import.meta.dirname, 'fuse-credentials.so');
const CACHE = '/var/cache/zonewright/fuse-credentials';
const COMPILE = ['gcc', '-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror', '-Wno-cast-function-type', '-shared', '-fPIC'] as const;

/**
 * Where the library is, built now unless it is there.
 * @returns undefined on a host without a compiler: zones run without it, but their root cannot chown
 * @throws CommandFailed when the compiler fails
 */
export async function fuseCredentialsLibrary(): Promise<string | undefined> {
  if (existsSync(INSTALLED)) return INSTALLED;
  const library = join(CACHE, `${key()}.so`);
  if (existsSync(library)) return library;
  await mkdir(CACHE, { recursive: true, mode: 0o755 });
  return withLock({ scope: CACHE, name: 'build', action: 'build of the zfs-fuse library' }, async () => {
    const temporary = `${library}.new`;
    try {
      await run([...COMPILE, '-o', temporary, SOURCE, '-ldl']);
    } catch (error) {
      if (isErrorCode(error, 'CommandMissing')) return undefined;
      await rm(temporary, { force: true });
      throw error;
    }
    await rename(temporary, library);
    return library;
  });
}

/** The environment that zfs-fuse is started with. */
export async function zfsDaemonEnvironment(): Promise<Record<string, string>> {
  const library = await fuseCredentialsLibrary();
  return library === undefined ? {} : { LD_PRELOAD: library };
}

function key(): string {
  return createHash('sha256').update(`${process.arch}\0${COMPILE.join('\0')}\0`).update(readFileSync(SOURCE)).digest('hex').slice(0, 12);
}

if (import.meta.main) process.stdout.write(`${(await fuseCredentialsLibrary()) ?? ''}\n`);
