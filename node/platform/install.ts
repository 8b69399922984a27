/**
 * Install a platform image: gathered from wherever it is into a directory of its own, checked, and put in place as a whole. One that is
 * interrupted leaves nothing.
 */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { sourceErrors } from '../../host/platform-source/errors.ts';
import { gatherFrom } from '../../host/platform-source/gather-from.ts';
import type { Gathering } from '../../host/platform-source/gather.ts';
import { gatherFromUrl } from '../../host/platform-source/url.ts';
import { readVerifiedManifest, verifyPlatformFiles } from '../../host/signature/platform.ts';
import type { PlatformManifest } from '../../host/signature/manifest.ts';
import { alone, keysOf, type PlatformHost } from './platform-host.ts';
import { placeOnDisks } from './place-on-disks.ts';
import { filesAt, platformSource, stampsAt } from './head-source.ts';
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

/** @throws errors of platformErrors, sourceErrors and signatureErrors, DownloadFailed, IsoUnreadable, LockTimeout */
export function installPlatform(host: PlatformHost, request: InstallRequest): Promise<Installed> {
  return alone(host, `installing ${request.from}`, async () => {
    const { node } = host;
    const keys = await keysOf(host);
    const work = await openWorkDirectory(node);
    try {
      const manifest = await gatherRequested(host, request, { work, keys, signal: request.signal, say: (line) => request.say(line), requireSpace: (bytes) => requireSpace(node, bytes) });
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

async function gatherRequested(host: PlatformHost, { from, source, signal }: InstallRequest, gathering: Gathering): Promise<PlatformManifest> {
  if (from !== 'latest' && (!isStamp(from) || existsSync(from))) return gatherFrom(from, gathering);
  const at = await platformSource(host.node, source);
  const stamp = isStamp(from) ? from : (await stampsAt(at, signal)).at(-1);
  if (stamp === undefined) throw sourceErrors.PlatformSourceUnknown({ source: at.base.href, reason: 'it has no platform image' });
  return gatherFromUrl(filesAt(at, stamp), gathering);
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
