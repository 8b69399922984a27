import { createWriteStream } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, type Header } from 'tar-stream';
import { ZonewrightError } from '../errors/errors.ts';
import type { PlatformManifest } from '../signature/manifest.ts';
import { MANIFEST, SIGNATURE, verifyPlatformFiles } from '../signature/platform.ts';
import { sourceErrors } from './errors.ts';
import type { Gathering } from './gather.ts';

/** No platform image is bigger. */
const MOST_BYTES = 2 * 1024 ** 3;
const MOST_ENTRIES = 32;
const NAME = /^(?:\.\/)?(?:platform-\d{8}T\d{6}Z\/)?([A-Za-z0-9][A-Za-z0-9_.-]{0,63})$/;

/**
 * Bring the image in a `platform-<stamp>.tar` into a work directory, under names that have been checked. Entries may come in any
 * order, so the signature is checked when all are there; what it does not speak for is thrown away.
 * @throws PlatformArchiveUnsafe, PlatformSignatureInvalid, PlatformManifestInvalid, PlatformFileMissing, PlatformFileDamaged
 */
export async function gatherFromTar(stream: AsyncIterable<Buffer>, archive: string, { work, keys, signal, requireSpace, say }: Gathering): Promise<PlatformManifest> {
  const extractor = extract();
  const feeding = pipeline(Readable.from(stream, { objectMode: false }), extractor, { signal });
  feeding.catch((error: unknown) => extractor.destroy(error as Error));
  const seen = new Set<string>();
  let bytes = 0;
  try {
    for await (const body of extractor) {
      const name = nameOf(body.header, archive);
      if (name === undefined) continue;
      bytes += body.header.size ?? 0;
      if (seen.has(name) || seen.size >= MOST_ENTRIES || bytes > MOST_BYTES) throw sourceErrors.PlatformArchiveUnsafe({ archive, reason: seen.has(name) ? `it holds ${name} twice` : 'it is too big' });
      seen.add(name);
      await requireSpace(body.header.size ?? 0);
      say(`${name}: ${((body.header.size ?? 0) / 1e6).toFixed(1)} MB from ${archive}`);
      await pipeline(body, createWriteStream(join(work, name), { mode: 0o600, flags: 'wx' }), { signal });
    }
    await feeding;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ZonewrightError) throw error;
    throw sourceErrors.PlatformArchiveUnsafe({ archive, reason: `it is no whole tar archive: ${(error as Error).message}` }, { cause: error });
  }
  const { manifest } = await verifyPlatformFiles(work, keys);
  for (const name of await readdir(work)) if (name !== MANIFEST && name !== SIGNATURE && !Object.hasOwn(manifest.files, name)) await rm(join(work, name));
  return manifest;
}

/** The name that an entry's file gets; undefined for the directory that they are in. @throws PlatformArchiveUnsafe */
function nameOf({ name, type }: Header, archive: string): string | undefined {
  if (type === 'directory' && /^(\.\/)?(platform-\d{8}T\d{6}Z\/?)?$/.test(name)) return undefined;
  const plain = NAME.exec(name)?.[1];
  if (plain === undefined || (type !== 'file' && type !== 'contiguous-file')) throw sourceErrors.PlatformArchiveUnsafe({ archive, reason: `it holds ${JSON.stringify(name.slice(0, 100))}, a ${type ?? 'thing'} that no platform image has` });
  return plain;
}
