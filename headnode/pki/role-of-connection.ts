import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { parseHolderUri } from '../../agent/wire/index.ts';
import { detailsOf, type CertificateDetails } from '../../host/pki/certificate.ts';
import { ANONYMOUS, HEAD, nodeRole, OPERATOR, type RequestRole } from '../http/roles.ts';

/** What a connection's certificate says, which cannot change while it lasts. */
const known = new WeakMap<TLSSocket, CertificateDetails | 'none' | 'untrusted'>();

/**
 * Who speaks on a connection. Without TLS it came over loopback or the head's own socket. A connection may outlast its
 * certificate, so end and revocation are looked at for every request.
 */
export function roleOfConnection(socket: Socket, isRevoked: (fingerprint: string) => boolean, now = new Date()): RequestRole {
  if (!(socket instanceof TLSSocket)) return OPERATOR;
  const shown = known.get(socket) ?? shownBy(socket);
  known.set(socket, shown);
  if (shown === 'none') return ANONYMOUS;
  if (shown === 'untrusted') return refused(`the client certificate is not good: ${String(socket.authorizationError ?? 'unknown')}`);
  if (now > shown.notAfter || now < shown.notBefore) return refused(`the client certificate is good from ${shown.notBefore.toISOString()} to ${shown.notAfter.toISOString()}`);
  if (isRevoked(shown.fingerprint)) return refused('the client certificate was revoked');
  const holder = shown.uris.length === 1 ? parseHolderUri(shown.uris[0] ?? '') : undefined;
  if (!holder) return refused('the client certificate names no holder of ours');
  return holder.role === 'head' ? HEAD : nodeRole(holder.uuid);
}

function shownBy(socket: TLSSocket): CertificateDetails | 'none' | 'untrusted' {
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) return 'none';
  return socket.authorized ? detailsOf(certificate) : 'untrusted';
}

function refused(reason: string): RequestRole {
  return { kind: 'refused', reason, by: 'refused' };
}
