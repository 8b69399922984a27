import { z } from 'zod';
import { readIdentity } from '../../agent/identity/identity.ts';
import type { Node } from '../../host/config/node-config.ts';
import { sourceErrors } from '../../host/platform-source/errors.ts';
import { downloadResumably } from '../../host/transfer/resumable-download.ts';
import { platformErrors } from './errors.ts';
import { isStamp, type Stamp } from './stamp.ts';

/**
 * Where platform images are to be had: a directory on a server with `index.json`, a list of stamps, and below `<stamp>/platform/x86_64/`
 * their files. A head node has them where nodes boot from, by plain HTTP: their signatures are what is trusted.
 */
export interface PlatformSource {
  readonly base: URL;
}

/** Where this node asks: as it was told, else its head node. @throws NoPlatformSource */
export async function platformSource(node: Node, asked?: string): Promise<PlatformSource> {
  if (asked !== undefined) return { base: directoryOf(asked) };
  const head = (await readIdentity(node))?.heads[0];
  if (head === undefined) throw platformErrors.NoPlatformSource();
  return { base: new URL(`http://${new URL(head).hostname}/os/`) };
}

/** Stamps of the images that a source has, oldest first. @throws PlatformListInvalid, DownloadFailed */
export async function stampsAt({ base }: PlatformSource, signal?: AbortSignal): Promise<Stamp[]> {
  const url = new URL('index.json', base);
  const result = listSchema.safeParse(await smallJson(url, signal));
  if (!result.success) throw platformErrors.PlatformListInvalid({ url: url.href, reason: 'it is no list of stamps' });
  return result.data.platforms.filter(isStamp).sort();
}

/** Where the files of an image are. */
export function filesAt({ base }: PlatformSource, stamp: Stamp): URL {
  return new URL(`${stamp}/platform/x86_64/`, base);
}

const MOST_BYTES = 1024 * 1024;
const listSchema = z.looseObject({ platforms: z.array(z.string().max(64)).max(10_000) });

async function smallJson(url: URL, signal: AbortSignal | undefined): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of downloadResumably(url, { signal })) {
    length += chunk.length;
    if (length > MOST_BYTES) throw platformErrors.PlatformListInvalid({ url: url.href, reason: 'it is too long' });
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch (error) {
    throw platformErrors.PlatformListInvalid({ url: url.href, reason: 'it is not JSON' }, { cause: error });
  }
}

function directoryOf(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) throw sourceErrors.PlatformSourceUnknown({ source: JSON.stringify(text), reason: 'it is not an http or https URL' });
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}
