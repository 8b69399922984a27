import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { PlatformManifest } from '../signature/manifest.ts';
import { filesInDirectory } from './directory.ts';
import { sourceErrors } from './errors.ts';
import { gather, type Gathering } from './gather.ts';
import { filesInIso } from './iso.ts';
import { findMedia } from './media.ts';
import { gatherFromTar } from './tar.ts';
import { gatherFromUrl } from './url.ts';

/**
 * Bring a platform image into a work directory.
 * @param from a directory, a `.tar`, an `.iso`, a disc's device, the URL of any of them, or `media`: the CD or USB stick in this machine
 * @throws errors of sourceErrors and signatureErrors, DownloadFailed, IsoUnreadable
 */
export async function gatherFrom(from: string, gathering: Gathering): Promise<PlatformManifest> {
  if (from === 'media') return gather(await filesInIso(await findMedia()), gathering);
  const url = /^https?:\/\//.test(from) ? URL.parse(from) : null;
  if (url) return gatherFromUrl(url, gathering);
  const facts = await stat(from).catch(() => undefined);
  if (facts?.isDirectory()) return gather(filesInDirectory(from), gathering);
  if (facts?.isFile() && from.endsWith('.tar')) return gatherFromTar(createReadStream(from, { highWaterMark: 1024 * 1024 }), from, gathering);
  if ((facts?.isFile() && from.endsWith('.iso')) || facts?.isBlockDevice()) return gather(await filesInIso(from), gathering);
  throw sourceErrors.PlatformSourceUnknown({ source: JSON.stringify(from), reason: facts ? 'it is neither a directory, nor a .tar, nor an .iso' : 'there is no such thing' });
}
