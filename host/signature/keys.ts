import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../errors/errors.ts';
import { signatureErrors } from './errors.ts';

/** A public key that platform images are checked with. */
export interface TrustedKey {
  /** Name of its file without `.pem`. */
  readonly name: string;
  /** First 16 hex digits of the sha256 of the key (its SPKI form): what people compare. */
  readonly id: string;
  readonly key: KeyObject;
}

/** Where a platform image keeps the keys that it trusts, in a RAM-booted node's root. */
export const IMAGE_KEYS = '/usr/lib/zonewright/keys';

/**
 * The public keys `<name>.pem` in some directories; a directory that is not there holds none.
 * @throws SigningKeyInvalid when a file there is no public ed25519 key: a key that is silently passed over would be missed too late
 */
export async function trustedKeys(directories: readonly string[]): Promise<TrustedKey[]> {
  const paths = (await Promise.all(directories.map(keyFilesIn))).flat();
  return Promise.all(paths.map(async (path) => publicKeyFrom(await readFile(path, 'utf8'), path)));
}

/** A public key from PEM text. A private key is refused: it has no place on a node. @param path names it, in errors too @throws SigningKeyInvalid */
export function publicKeyFrom(pem: string, path: string): TrustedKey {
  if (pem.includes('PRIVATE KEY')) throw signatureErrors.SigningKeyInvalid({ path, reason: 'it is a private key; nodes need the public half' }, { hint: 'openssl pkey -in key.pem -pubout' });
  const key = ed25519(() => createPublicKey(pem), path);
  return { name: path.slice(path.lastIndexOf('/') + 1).replace(/\.pem$/, ''), id: keyId(key), key };
}

/** The private key to sign with, from PEM text. @throws SigningKeyInvalid */
export function privateKeyFrom(pem: string, path: string): KeyObject {
  return ed25519(() => createPrivateKey(pem), path);
}

/** What identifies a key to people, of its public or private half. */
export function keyId(key: KeyObject): string {
  const spki = (key.type === 'private' ? createPublicKey(key) : key).export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(spki).digest('hex').slice(0, 16);
}

async function keyFilesIn(directory: string): Promise<string[]> {
  try {
    const names = await readdir(directory);
    return names.filter((name) => name.endsWith('.pem') && !name.startsWith('.')).sort().map((name) => join(directory, name));
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return [];
    throw error;
  }
}

function ed25519(read: () => KeyObject, path: string): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch {
    // OpenSSL's own reason may quote what it read.
    throw signatureErrors.SigningKeyInvalid({ path, reason: 'it is not a key in PEM' });
  }
  if (key.asymmetricKeyType !== 'ed25519') throw signatureErrors.SigningKeyInvalid({ path, reason: `it is of type ${key.asymmetricKeyType ?? 'unknown'}, not ed25519` });
  return key;
}
