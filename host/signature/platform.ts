/**
 * Platform images are signed: `manifest.json` holds size and sha256 of every file, `manifest.json.sig` the 64 bytes of an
 * ed25519 signature of exactly its bytes. Nothing of an image is looked at before its signature was found good.
 */
import { createHash, sign, verify, type KeyObject } from 'node:crypto';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../errors/errors.ts';
import { signatureErrors } from './errors.ts';
import type { TrustedKey } from './keys.ts';
import { parseManifest, type FileFacts, type PlatformManifest } from './manifest.ts';

export const MANIFEST = 'manifest.json';
export const SIGNATURE = 'manifest.json.sig';

/** An image whose signature was found good, and by which key. */
export interface VerifiedManifest {
  readonly manifest: PlatformManifest;
  readonly key: TrustedKey;
}

/** Sign a manifest's bytes: 64 bytes for `manifest.json.sig`. */
export function signManifest(manifest: Uint8Array, key: KeyObject): Buffer {
  return sign(null, manifest, key);
}

/**
 * The manifest that these bytes hold, when one of the keys signed exactly them.
 * @throws PlatformSignatureInvalid, PlatformManifestInvalid
 */
export function verifyManifest(bytes: Uint8Array, signature: Uint8Array, keys: readonly TrustedKey[]): VerifiedManifest {
  const key = keys.find((one) => signature.length === SIGNATURE_BYTES && verify(null, bytes, one.key, signature));
  if (!key) throw signatureErrors.PlatformSignatureInvalid({ file: MANIFEST, keys: keys.map(({ name, id }) => `${name} ${id}`).join(', ') || 'it trusts none' });
  return { manifest: parseManifest(bytes), key };
}

/**
 * Check a whole image: its signature, then size and sha256 of every file that the manifest names. Memory stays constant.
 * Copy an image to where it will be used first, and check the copy.
 * @throws PlatformUnsigned, PlatformFileMissing, PlatformSignatureInvalid, PlatformManifestInvalid, PlatformFileDamaged
 */
export async function verifyPlatformFiles(directory: string, keys: readonly TrustedKey[]): Promise<VerifiedManifest> {
  const verified = await readVerifiedManifest(directory, keys);
  for (const [name, facts] of Object.entries(verified.manifest.files)) await verifyFile(join(directory, name), facts);
  return verified;
}

/** Only the signature and the manifest of an image: enough to list it, not to boot it. @throws as `verifyPlatformFiles` */
export async function readVerifiedManifest(directory: string, keys: readonly TrustedKey[]): Promise<VerifiedManifest> {
  const bytes = await readSmallFile(directory, MANIFEST);
  const signature = await readSmallFile(directory, SIGNATURE);
  return verifyManifest(bytes, signature, keys);
}

/** Check one file against what a manifest says of it. @throws PlatformFileMissing, PlatformFileDamaged */
export async function verifyFile(path: string, { size, sha256 }: FileFacts): Promise<void> {
  const file = await openRegular(path);
  try {
    const found = (await file.stat()).size;
    if (found !== size) throw signatureErrors.PlatformFileDamaged({ file: path, reason: `it has ${found} bytes, not ${size}` });
    const hash = createHash('sha256');
    for await (const chunk of file.createReadStream({ autoClose: false, highWaterMark: 1024 * 1024, end: size })) hash.update(chunk as Buffer);
    if (hash.digest('hex') !== sha256) throw signatureErrors.PlatformFileDamaged({ file: path, reason: 'its sha256 is another one' });
  } finally {
    await file.close();
  }
}

const SIGNATURE_BYTES = 64;
const MOST_BYTES = 1024 * 1024;

async function readSmallFile(directory: string, name: string): Promise<Buffer> {
  const path = join(directory, name);
  const file = await openRegular(path);
  try {
    const { size } = await file.stat();
    if (size > MOST_BYTES) throw signatureErrors.PlatformFileDamaged({ file: path, reason: `it has ${size} bytes, more than any has` });
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** Links are not followed: a file of an image lies in its directory, and nothing else is meant by its name. */
async function openRegular(path: string): Promise<FileHandle> {
  const [directory, name] = [path.slice(0, path.lastIndexOf('/')) || '/', path.slice(path.lastIndexOf('/') + 1)];
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) throw name === SIGNATURE ? signatureErrors.PlatformUnsigned({ directory }) : signatureErrors.PlatformFileMissing({ directory, file: name });
    if (isSystemError(error, 'ELOOP')) throw signatureErrors.PlatformFileDamaged({ file: path, reason: 'it is a link' });
    throw error;
  }
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw signatureErrors.PlatformFileDamaged({ file: path, reason: 'it is not a file' });
}
