import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { PlatformManifest } from '../signature/manifest.ts';
import { downloadResumably } from '../transfer/resumable-download.ts';
import { gather, type Gathering, type PlatformFiles } from './gather.ts';
import { filesInIso } from './iso.ts';
import { gatherFromTar } from './tar.ts';

/** Bring the image behind a URL into a work directory: that of a `.tar`, of an `.iso`, or of a directory with the files of an image. @throws DownloadFailed, and as `gather` */
export async function gatherFromUrl(url: URL, gathering: Gathering): Promise<PlatformManifest> {
  const { signal } = gathering;
  if (url.pathname.endsWith('.tar')) return gatherFromTar(downloadResumably(url, { signal }), shown(url), gathering);
  if (url.pathname.endsWith('.iso')) return gatherFromIsoUrl(url, gathering);
  return gather(filesBehind(url, signal), gathering);
}

/** The files of an image in a directory of a server. */
export function filesBehind(url: URL, signal: AbortSignal): PlatformFiles {
  const directory = new URL(url);
  if (!directory.pathname.endsWith('/')) directory.pathname += '/';
  return { place: shown(directory), open: async (name) => Readable.from(downloadResumably(new URL(name, directory), { signal }), { objectMode: false }) };
}

async function gatherFromIsoUrl(url: URL, gathering: Gathering): Promise<PlatformManifest> {
  const image = join(gathering.work, '.iso');
  gathering.say(`fetching ${shown(url)}`);
  await pipeline(downloadResumably(url, { signal: gathering.signal }), createWriteStream(image, { mode: 0o600 }), { signal: gathering.signal });
  const manifest = await gather(await filesInIso(image), gathering);
  await rm(image);
  return manifest;
}

function shown(url: URL): string {
  return `${url.origin}${url.pathname}`;
}
