import type { ConnectionOptions, PeerCertificate } from 'node:tls';
import { X509Certificate } from 'node:crypto';
import { detailsOf } from '../../host/pki/certificate.ts';
import { parseHolderUri } from '../wire/roles.ts';

/** What a TLS client of ours checks of a head node, after the chain and its time: its role, and that it was not revoked. */
export function headCheck(isRevoked: (fingerprint: string) => boolean): NonNullable<ConnectionOptions['checkServerIdentity']> {
  return (_host: string, peer: PeerCertificate) => reasonAgainstHead(new X509Certificate(peer.raw), isRevoked);
}

/** Why a certificate that our authority issued is not that of a head node in good standing; undefined when it is. */
export function reasonAgainstHead(certificate: X509Certificate, isRevoked: (fingerprint: string) => boolean): Error | undefined {
  const { uris, fingerprint } = detailsOf(certificate);
  if (uris.length !== 1 || parseHolderUri(uris[0] ?? '')?.role !== 'head') return new Error("its certificate is not a head node's");
  return isRevoked(fingerprint) ? new Error('its certificate was revoked') : undefined;
}
