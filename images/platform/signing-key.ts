import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readFileIfPresent, writeFileAtomically } from '../../host/files/atomic.ts';
import { withLock } from '../../host/lock/lock.ts';
import { signatureErrors } from '../../host/signature/errors.ts';
import { privateKeyFrom } from '../../host/signature/keys.ts';
import type { Workshop } from './parts.ts';

/** The key to sign an image with: the operator's own, or one that is made once and kept in the cache. @throws SigningKeyInvalid */
export async function signingKey(workshop: Workshop, path: string | undefined): Promise<KeyObject> {
  if (path === undefined) return keyOfCache(workshop);
  const pem = await readFileIfPresent(path);
  if (pem === undefined) throw signatureErrors.SigningKeyInvalid({ path, reason: 'it does not exist' });
  return privateKeyFrom(pem, path);
}

/** The half that a node needs. */
export function publicPem(key: KeyObject): string {
  return createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
}

async function keyOfCache(workshop: Workshop): Promise<KeyObject> {
  const path = join(workshop.cache, 'signing-key.pem');
  await mkdir(workshop.cache, { recursive: true, mode: 0o755 });
  return withLock({ scope: workshop.cache, name: 'signing-key', action: 'making a key' }, async () => {
    const kept = await readFileIfPresent(path);
    if (kept !== undefined) return privateKeyFrom(kept, path);
    workshop.say(`signing-key: made ${path}; nodes that boot images signed by it trust it. Give --key to sign with one of yours`);
    const { privateKey } = generateKeyPairSync('ed25519');
    await writeFileAtomically(path, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), { durable: true });
    return privateKey;
  });
}
