import { createHash } from 'node:crypto';
import { hostErrors } from '../errors/host-errors.ts';
import { KEY_ALGORITHM, loadKeyPair, SIGNING_ALGORITHM } from './keys.ts';
import { Pkcs10CertificateRequest, Pkcs10CertificateRequestGenerator, SubjectAlternativeNameExtension } from './x509.ts';

/** Make a signing request (PKCS#10, PEM) for a private key. @param facts.uri the holder that it asks for; `name` is for people. */
export async function newRequest(privateKeyPem: string, facts: { readonly uri: string; readonly name: string }): Promise<string> {
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [facts.name] }],
    keys: await loadKeyPair(privateKeyPem),
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: [new SubjectAlternativeNameExtension([{ type: 'url', value: facts.uri }])],
  });
  return `${request.toString('pem').trimEnd()}\n`;
}

export interface Request {
  readonly publicKey: Pkcs10CertificateRequest['publicKey'];
  /** SHA-256 of its public key, 64 hex digits in lower case: what it is known by before there is a certificate. */
  readonly fingerprint: string;
  /** Every subject alternative name that it asks for, of whatever type. */
  readonly names: readonly string[];
}

const LONGEST = 16_384;

/** Read a signing request and check that its sender has the key. @throws RequestInvalid */
export async function readRequest(pem: string): Promise<Request> {
  const request = parse(pem);
  const { name, namedCurve } = request.publicKey.algorithm as { readonly name: string; readonly namedCurve?: string };
  if (name !== KEY_ALGORITHM.name || namedCurve !== KEY_ALGORITHM.namedCurve) throw hostErrors.RequestInvalid({ reason: 'its key is not an ECDSA key on P-256' });
  const signed = await request.verify().catch(() => false);
  if (!signed) throw hostErrors.RequestInvalid({ reason: 'it is not signed with its own key' });
  const names = request.extensions.flatMap((extension) => (extension instanceof SubjectAlternativeNameExtension ? extension.names.items.map(({ value }) => value) : []));
  return { publicKey: request.publicKey, fingerprint: createHash('sha256').update(new Uint8Array(request.publicKey.rawData)).digest('hex'), names };
}

function parse(pem: string): Pkcs10CertificateRequest {
  const body = /^-----BEGIN CERTIFICATE REQUEST-----\n([A-Za-z0-9+/=\n]+)-----END CERTIFICATE REQUEST-----\n?$/.exec(pem)?.[1];
  if (body === undefined || pem.length > LONGEST) throw hostErrors.RequestInvalid({ reason: 'it is not a certificate request in PEM' });
  try {
    return new Pkcs10CertificateRequest(Buffer.from(body, 'base64'));
  } catch (error) {
    throw hostErrors.RequestInvalid({ reason: 'it is damaged' }, { cause: error });
  }
}
