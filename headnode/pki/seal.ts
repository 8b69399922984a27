import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { readFileIfPresent, writeFileAtomically } from '../../host/files/atomic.ts';
import { headErrors } from '../errors.ts';

/**
 * The key that seals secrets in the database, so that a copy of the database alone makes nobody a head node. It is a file of
 * its own (mode 0600); several head nodes on one database have the same file.
 */
export type SealKey = Buffer & { readonly brand?: 'SealKey' };

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** The key of a file, which is made when it is not there. @throws SealKeyInvalid */
export async function loadSealKey(path: string): Promise<SealKey> {
  const text = await readFileIfPresent(path);
  if (text === undefined) {
    const key = randomBytes(KEY_BYTES);
    await writeFileAtomically(path, `${key.toString('base64')}\n`, { durable: true, mode: 0o600 });
    return key;
  }
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length !== KEY_BYTES) throw headErrors.SealKeyInvalid({ path, reason: `it does not hold ${KEY_BYTES} bytes in base64` });
  return key;
}

/** Seal a text (AES-256-GCM). @returns base64 */
export function seal(key: SealKey, text: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64');
}

/** What was sealed; undefined when it was by another key or has been changed. */
export function unseal(key: SealKey, sealed: string): string | undefined {
  const bytes = Buffer.from(sealed, 'base64');
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES));
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
}
