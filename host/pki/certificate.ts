/** What a certificate says, and whether it is good. Reading takes Node's own parser, which is what TLS hands out too. */
import { X509Certificate } from 'node:crypto';
import { hostErrors } from '../errors/host-errors.ts';

export interface CertificateDetails {
  /** SHA-256 of the DER, 64 hex digits in lower case. */
  readonly fingerprint: string;
  /** Hex digits in lower case. */
  readonly serial: string;
  /** Subject alternative names of type URI. */
  readonly uris: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Read a certificate. @throws CertificateInvalid */
export function readCertificate(pem: string): CertificateDetails {
  return detailsOf(parse(pem));
}

/** What a parsed certificate says, for one that a TLS connection brought. */
export function detailsOf(certificate: X509Certificate): CertificateDetails {
  return {
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    serial: certificate.serialNumber.toLowerCase(),
    uris: urisIn(certificate.subjectAltName),
    notBefore: new Date(certificate.validFrom),
    notAfter: new Date(certificate.validTo),
  };
}

/**
 * Check that an authority issued a certificate and that it is in its time.
 * @throws CertificateInvalid with the reason
 */
export function verifyCertificate(pem: string, authorityPem: string, now = new Date()): CertificateDetails {
  const [certificate, authority] = [parse(pem), parse(authorityPem)];
  const details = detailsOf(certificate);
  if (!authority.ca || !certificate.checkIssued(authority) || !certificate.verify(authority.publicKey)) {
    throw hostErrors.CertificateInvalid({ reason: 'it was not issued by this authority' });
  }
  if (now < details.notBefore) throw hostErrors.CertificateInvalid({ reason: `it is not good before ${details.notBefore.toISOString()}` });
  if (now > details.notAfter) throw hostErrors.CertificateInvalid({ reason: `it expired at ${details.notAfter.toISOString()}` });
  return details;
}

function parse(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw hostErrors.CertificateInvalid({ reason: 'it is not a certificate in PEM' }, { cause: error });
  }
}

/** Node quotes a name in which there is a comma or a quote; ours have none, so a quoted one is not ours. */
function urisIn(names: string | undefined): string[] {
  return (names ?? '')
    .split(', ')
    .filter((name) => name.startsWith('URI:'))
    .map((name) => name.slice('URI:'.length));
}
