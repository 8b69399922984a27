/**
 * Install a platform image: gathered from wherever it is into a directory of its own, checked, and put in place as a whole. One that is
 * interrupted leaves nothing.
 */
import { createReadStream, existsSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { readVerifiedManifest, verifyPlatformFiles } from '../../host/signature/platform.ts';
import type { PlatformManifest } from '../../host/signature/manifest.ts';
import { platformErrors } from './errors.ts';
import { alone, keysOf, type PlatformHost } from './platform-host.ts';
import { placeOnDisks } from './place-on-disks.ts';
import { filesInDirectory } from './sources/directory.ts';
import { gather, type Gathering } from './sources/gather.ts';
import { filesAt, platformSource, stampsAt } from './sources/head.ts';
import { filesInIso } from './sources/iso.ts';
import { findMedia } from './sources/media.ts';
import { gatherFromTar } from './sources/tar.ts';
import { gatherFromUrl } from './sources/url.ts';
import { isStamp, stampOf, type Stamp } from './stamp.ts';
import { keepPlatform, openWorkDirectory, platformDirectory, requireSpace, installedStamps } from './store.ts';

export interface InstallRequest {
  /** A directory, `.tar`, `.iso`, URL, `media`, a stamp, or `latest`. */
  readonly from: string;
  /** Where stamps are asked for instead of at the head node. */
  readonly source?: string | undefined;
  readonly signal: AbortSignal;
  say(line: string): void;
}

export interface Installed {
  readonly stamp: Stamp;
  /** It was there before. */
  readonly present: boolean;
}

/** @throws errors of platformErrors and signatureErrors, DownloadFailed, IsoUnreadable, LockTimeout */
export function installPlatform(host: PlatformHost, request: InstallRequest): Promise<Installed> {
  return alone(host, `installing ${request.from}`, async () => {
    const { node } = host;
    const keys = await keysOf(host);
    const work = await openWorkDirectory(node);
    try {
      const manifest = await gatherFrom(host, request, { work, keys, signal: request.signal, say: (line) => request.say(line), requireSpace: (bytes) => requireSpace(node, bytes) });
      const stamp = stampOf(manifest.version);
      request.signal.throwIfAborted();
      const present = (await installedStamps(node)).includes(stamp) && (await isSound(host, stamp));
      if (!present) {
        // The copy that will be booted is what is checked, not what came over the line.
        await verifyPlatformFiles(work, keys);
        await rm(platformDirectory(node, stamp), { recursive: true, force: true });
        await keepPlatform(node, work, stamp);
      }
      await placeOnDisks(host, stamp, { signal: request.signal, say: (line) => request.say(line) });
      return { stamp, present };
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  });
}

async function gatherFrom(host: PlatformHost, { from, source, signal }: InstallRequest, gathering: Gathering): Promise<PlatformManifest> {
  if (from === 'media') return gather(await filesInIso(await findMedia()), gathering);
  if (from === 'latest' || (isStamp(from) && !existsSync(from))) {
    const at = await platformSource(host.node, source);
    const stamp = isStamp(from) ? from : (await stampsAt(at, signal)).at(-1);
    if (stamp === undefined) throw platformErrors.PlatformSourceUnknown({ source: at.base.href, reason: 'it has no platform image' });
    return gatherFromUrl(filesAt(at, stamp), gathering);
  }
  const url = /^https?:\/\//.test(from) ? URL.parse(from) : null;
  if (url) return gatherFromUrl(url, gathering);
  return gatherFromPath(from, gathering);
}

async function gatherFromPath(path: string, gathering: Gathering): Promise<PlatformManifest> {
  const facts = await stat(path).catch(() => undefined);
  if (facts?.isDirectory()) return gather(filesInDirectory(path), gathering);
  if (facts?.isFile() && path.endsWith('.tar')) return gatherFromTar(createReadStream(path, { highWaterMark: 1024 * 1024 }), path, gathering);
  if ((facts?.isFile() && path.endsWith('.iso')) || facts?.isBlockDevice()) return gather(await filesInIso(path), gathering);
  throw platformErrors.PlatformSourceUnknown({ source: JSON.stringify(path), reason: facts ? 'it is neither a directory, nor a .tar, nor an .iso' : 'there is no such thing' });
}

async function isSound(host: PlatformHost, stamp: Stamp): Promise<boolean> {
  const directory = platformDirectory(host.node, stamp);
  const keys = await keysOf(host);
  return readVerifiedManifest(directory, keys).then(
    () => verifyPlatformFiles(directory, keys).then(
      () => true,
      () => false,
    ),
    () => false,
  );
}
