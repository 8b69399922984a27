/** Platform images on the head node: gathered into a directory of its own, checked there, and put in place as a whole. */
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '../../host/files/atomic.ts';
import { namesIn } from '../../host/files/names-in.ts';
import { withLock } from '../../host/lock/lock.ts';
import { verifyPlatformFiles } from '../../host/signature/platform.ts';
import type { PlatformManifest } from '../../host/signature/manifest.ts';
import type { TrustedKey } from '../../host/signature/keys.ts';
import { filesInDirectory } from '../../node/platform/sources/directory.ts';
import { gather, type Gathering } from '../../node/platform/sources/gather.ts';
import { filesInIso } from '../../node/platform/sources/iso.ts';
import { findMedia } from '../../node/platform/sources/media.ts';
import { gatherFromTar } from '../../node/platform/sources/tar.ts';
import { gatherFromUrl } from '../../node/platform/sources/url.ts';
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
 * @throws PlatformSourceUnusable, errors of signatureErrors, DownloadFailed, IsoUnreadable
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

async function gatherFrom(from: string, gathering: Gathering): Promise<PlatformManifest> {
  if (from === 'media') return await gather(await filesInIso(await findMedia()), gathering);
  const url = /^https?:\/\//.test(from) ? URL.parse(from) : null;
  if (url) return await gatherFromUrl(url, gathering);
  const facts = await stat(from).catch(() => undefined);
  if (facts?.isDirectory()) return await gather(filesInDirectory(from), gathering);
  if (facts?.isFile() && from.endsWith('.tar')) return await gatherFromTar(createReadStream(from, { highWaterMark: 1024 * 1024 }), from, gathering);
  if ((facts?.isFile() && from.endsWith('.iso')) || facts?.isBlockDevice()) return await gather(await filesInIso(from), gathering);
  throw headErrors.PlatformSourceUnusable({ source: JSON.stringify(from), reason: facts ? 'it is neither a directory, nor a .tar, nor an .iso' : 'there is no such thing' });
}

/** What the database and the node need besides. */
const SPARE_BYTES = 256 * 1024 ** 2;

async function requireSpace(directory: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize < bytes + SPARE_BYTES) throw headErrors.PlatformSourceUnusable({ source: 'it', reason: `${directory} has ${Math.floor((bavail * bsize) / 1e6)} MB free, and ${Math.ceil((bytes + SPARE_BYTES) / 1e6)} MB are needed` });
}

/** Everything of it would survive a power cut when this returns. */
async function makeLast(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const file = await open(join(directory, name), 'r+');
    await file.sync().finally(() => file.close());
  }
  await syncDirectory(directory);
}
