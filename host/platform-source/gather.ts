import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Transform, type Readable } from 'node:stream';
import { signatureErrors } from '../signature/errors.ts';
import type { TrustedKey } from '../signature/keys.ts';
import { MANIFEST, SIGNATURE, verifyManifest } from '../signature/platform.ts';
import type { FileFacts, PlatformManifest } from '../signature/manifest.ts';

/** Where files of one image can be had by name. */
export interface PlatformFiles {
  /** Says where that is, in errors. */
  readonly place: string;
  /** @throws PlatformFileMissing, or why it cannot be had */
  open(name: string): Promise<Readable>;
}

export interface Gathering {
  readonly work: string;
  readonly keys: readonly TrustedKey[];
  readonly signal: AbortSignal;
  /** Told what is being done. */
  say(line: string): void;
  /** Refuses what is too big. */
  requireSpace(bytes: number): Promise<void>;
}

const MOST_SMALL_BYTES = 1024 * 1024;

/**
 * Bring the files of an image into a work directory. Its signature is checked before anything big is fetched, and each file while
 * it comes, of which not a byte more is taken than the manifest says.
 * @throws PlatformSignatureInvalid, PlatformManifestInvalid, PlatformFileMissing, PlatformFileDamaged, PlatformUnsigned
 */
export async function gather(files: PlatformFiles, gathering: Gathering): Promise<PlatformManifest> {
  const { work, keys, signal } = gathering;
  const bytes = await smallFile(files, MANIFEST);
  const signature = await smallFile(files, SIGNATURE);
  const { manifest } = verifyManifest(bytes, signature, keys);
  await gathering.requireSpace(Object.values(manifest.files).reduce((sum, { size }) => sum + size, 0));
  await writeFile(join(work, MANIFEST), bytes, { mode: 0o600 });
  await writeFile(join(work, SIGNATURE), signature, { mode: 0o600 });
  for (const [name, facts] of Object.entries(manifest.files)) {
    gathering.say(`${name}: ${(facts.size / 1e6).toFixed(1)} MB from ${files.place}`);
    await pipeline(await files.open(name), exactly(`${files.place}/${name}`, facts), createWriteStream(join(work, name), { mode: 0o600 }), { signal });
  }
  return manifest;
}

async function smallFile(files: PlatformFiles, name: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of (await files.open(name)) as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MOST_SMALL_BYTES) throw signatureErrors.PlatformFileDamaged({ file: `${files.place}/${name}`, reason: `it has more than ${MOST_SMALL_BYTES} bytes` });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function exactly(file: string, { size, sha256 }: FileFacts): Transform {
  const hash = createHash('sha256');
  let length = 0;
  return new Transform({
    highWaterMark: 1024 * 1024,
    transform(chunk: Buffer, _, done) {
      length += chunk.length;
      hash.update(chunk);
      done(length > size ? signatureErrors.PlatformFileDamaged({ file, reason: `it has more than ${size} bytes` }) : null, chunk);
    },
    flush(done) {
      if (length < size) done(signatureErrors.PlatformFileDamaged({ file, reason: `it has ${length} bytes, not ${size}` }));
      else done(hash.digest('hex') === sha256 ? null : signatureErrors.PlatformFileDamaged({ file, reason: 'its sha256 is another one' }));
    },
  });
}
