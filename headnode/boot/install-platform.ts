/** Platform images on the head node: gathered into a directory of its own, checked there, and put in place as a whole. */
import { mkdir, open, readdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '../../host/files/atomic.ts';
import { namesIn } from '../../host/files/names-in.ts';
import { withLock } from '../../host/lock/lock.ts';
import { gatherFrom } from '../../host/platform-source/gather-from.ts';
import { requireRoom } from '../../host/platform-source/require-room.ts';
import { verifyPlatformFiles } from '../../host/signature/platform.ts';
import type { TrustedKey } from '../../host/signature/keys.ts';
import { headErrors } from '../errors.ts';

export interface PlatformInstall {
  /** Where images are: `<data>/platforms`. */
  readonly platforms: string;
  /** A directory, `.tar`, `.iso`, URL, or `media`: the CD or USB stick in this machine. */
  readonly from: string;
  readonly keys: readonly TrustedKey[];
  readonly signal?: AbortSignal;
  say(line: string): void;
}

/**
 * Take a platform image in.
 * @returns its stamp, and whether it was there before
 * @throws errors of sourceErrors and signatureErrors, DownloadFailed, IsoUnreadable
 */
export async function installPlatform({ platforms, from, keys, signal = new AbortController().signal, say }: PlatformInstall): Promise<{ readonly stamp: string; readonly present: boolean }> {
  await mkdir(platforms, { recursive: true });
  return await withLock({ scope: platforms, name: 'platforms', action: 'change of platform images' }, async () => {
    for (const name of await namesIn(platforms)) if (/^\.(new|old)-/.test(name)) await rm(join(platforms, name), { recursive: true, force: true });
    const work = join(platforms, `.new-${crypto.randomUUID()}`);
    const files = join(work, 'platform/x86_64');
    await mkdir(files, { recursive: true });
    try {
      const { version: stamp } = await gatherFrom(from, { work: files, keys, signal, say, requireSpace: (bytes) => requireSpace(platforms, bytes) });
      const place = join(platforms, stamp);
      const present = await verifyPlatformFiles(join(place, 'platform/x86_64'), keys).then(() => true, () => false);
      if (present) return { stamp, present };
      // What machines will be given is what is checked, not what came over the line.
      await verifyPlatformFiles(files, keys);
      await makeLast(files);
      await rm(place, { recursive: true, force: true });
      await rename(work, place);
      await syncDirectory(platforms);
      return { stamp, present };
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  });
}

/** Take an image away; who uses it must have been looked at before. @throws PlatformNotFound */
export async function removePlatform(platforms: string, stamp: string): Promise<void> {
  await withLock({ scope: platforms, name: 'platforms', action: 'change of platform images' }, async () => {
    if (!(await namesIn(platforms)).includes(stamp)) throw headErrors.PlatformNotFound({ platform: stamp });
    const old = join(platforms, `.old-${crypto.randomUUID()}`);
    await rename(join(platforms, stamp), old);
    await syncDirectory(platforms);
    await rm(old, { recursive: true, force: true });
  });
}

/** What the database and the node need besides. */
const SPARE_BYTES = 256 * 1024 ** 2;

async function requireSpace(directory: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  requireRoom(directory, bavail * bsize, bytes + SPARE_BYTES);
}

/** Everything of it would survive a power cut when this returns. */
async function makeLast(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const file = await open(join(directory, name), 'r+');
    await file.sync().finally(() => file.close());
  }
  await syncDirectory(directory);
}
