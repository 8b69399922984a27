/**
 * A certificate authority of our own. Its certificates live for months, not years, and are good for both ends of a
 * connection. What a certificate says comes from the issuer alone; of a request only the key is taken.
 */
import { randomBytes } from 'node:crypto';
import { hostErrors } from '../errors/host-errors.ts';
import { KEY_ALGORITHM, loadKeyPair, newPrivateKey, SIGNING_ALGORITHM } from './keys.ts';
import { readRequest } from './request.ts';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from './x509.ts';

export interface Authority {
  readonly certificatePem: string;
  /** A secret. */
  readonly privateKeyPem: string;
}

const DAY = 24 * 60 * 60 * 1000;
const AUTHORITY_DAYS = 3650;
const CERTIFICATE_DAYS = 90;
/** Clocks differ: a new certificate is good from a little before now. */
const BACKDATED = 5 * 60 * 1000;

/** Make an authority. @param options.name its common name, for people. */
export async function newAuthority({ name, days = AUTHORITY_DAYS, now = new Date() }: { readonly name: string; readonly days?: number; readonly now?: Date }): Promise<Authority> {
  const privateKeyPem = await newPrivateKey();
  const keys = await loadKeyPair(privateKeyPem);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: [{ CN: [name] }],
    ...validity(now, days),
    signingAlgorithm: SIGNING_ALGORITHM,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificatePem: withNewline(certificate.toString('pem')), privateKeyPem };
}

/** What a certificate is to say. */
export interface CertificateFacts {
  /** Its holder, as a URI: the subject alternative name that decides what its holder may do. */
  readonly uri: string;
  /** Common name, for people. */
  readonly name: string;
  /** Further names of a server that clients other than ours look at. */
  readonly dns?: readonly string[];
  readonly ips?: readonly string[];
  /** Default 90. */
  readonly days?: number;
  readonly now?: Date;
}

/**
 * Issue a certificate for the key of a signing request.
 * @throws RequestInvalid when the request is damaged, is not signed by its own key, has another kind of key, or asks for another holder than `uri`.
 */
export async function issueCertificate(authority: Authority, requestPem: string, facts: CertificateFacts): Promise<string> {
  const request = await readRequest(requestPem);
  const other = request.names.find((name) => name !== facts.uri);
  if (other !== undefined) throw hostErrors.RequestInvalid({ reason: `it asks for ${JSON.stringify(other.slice(0, 100))}, not for ${facts.uri}` });
  const signer = await loadKeyPair(authority.privateKeyPem);
  const issuer = new X509Certificate(authority.certificatePem);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: [{ CN: [facts.name] }],
    issuer: issuer.subjectName,
    ...validity(facts.now ?? new Date(), facts.days ?? CERTIFICATE_DAYS),
    signingAlgorithm: SIGNING_ALGORITHM,
    publicKey: await request.publicKey.export(KEY_ALGORITHM, ['verify']),
    signingKey: signer.privateKey,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      new SubjectAlternativeNameExtension(namesOf(facts)),
      await SubjectKeyIdentifierExtension.create(request.publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return withNewline(certificate.toString('pem'));
}

function namesOf({ uri, dns = [], ips = [] }: CertificateFacts): Array<{ type: 'url' | 'dns' | 'ip'; value: string }> {
  return [{ type: 'url', value: uri }, ...dns.map((value) => ({ type: 'dns' as const, value })), ...ips.map((value) => ({ type: 'ip' as const, value }))];
}

function validity(now: Date, days: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(now.getTime() - BACKDATED), notAfter: new Date(now.getTime() + days * DAY) };
}

/** 126 random bits; the first byte keeps it positive and of one length. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

function withNewline(pem: string): string {
  return pem.endsWith('\n') ? pem : `${pem}\n`;
}
