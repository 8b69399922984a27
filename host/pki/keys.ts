import { createPrivateKey, createPublicKey, webcrypto } from 'node:crypto';
import { hostErrors } from '../errors/host-errors.ts';

/** All keys are ECDSA on P-256, all signatures with SHA-256. */
export const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const;
export const SIGNING_ALGORITHM = { name: 'ECDSA', hash: 'SHA-256' } as const;

/** Make a private key, as PKCS#8 in PEM. It is a secret: it belongs into a file of mode 0600 and nowhere else. */
export async function newPrivateKey(): Promise<string> {
  const { privateKey } = await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']);
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', privateKey));
  return pemOf('PRIVATE KEY', der);
}

/** Both keys of a private key's PEM, ready to sign. @throws KeyInvalid; its message holds nothing of the key */
export async function loadKeyPair(privateKeyPem: string): Promise<webcrypto.CryptoKeyPair> {
  try {
    const secret = createPrivateKey(privateKeyPem);
    const [pkcs8, spki] = [secret.export({ type: 'pkcs8', format: 'der' }), createPublicKey(secret).export({ type: 'spki', format: 'der' })];
    const [privateKey, publicKey] = await Promise.all([
      webcrypto.subtle.importKey('pkcs8', pkcs8, KEY_ALGORITHM, false, ['sign']),
      webcrypto.subtle.importKey('spki', spki, KEY_ALGORITHM, true, ['verify']),
    ]);
    return { privateKey, publicKey };
  } catch {
    // What the library says may quote the text.
    throw hostErrors.KeyInvalid();
  }
}

function pemOf(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
