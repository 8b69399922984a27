/** Requests of a machine without a certificate to a head node whose CA it was told: nothing is sent before that has been shown. */
import { connect, type TLSSocket } from 'node:tls';
import { Agent, request } from 'undici';
import { detailsOf, readCertificate, verifyCertificate } from '../../host/pki/certificate.ts';
import { wireErrorSchema } from '../wire/errors.ts';
import { jsonOf } from '../wire/json.ts';
import { identityErrors } from './errors.ts';
import { headCheck } from './head-check.ts';
import { newIdentity, type Identity } from './identity.ts';

/** A head node, and the fingerprint of the CA certificate that its own must be from. */
export interface PinnedHead {
  readonly url: string;
  readonly ca: string;
}

export interface PinnedRequest {
  readonly path: string;
  readonly body: object;
  readonly signal?: AbortSignal | undefined;
}

const SECONDS = 15;
const MOST_BYTES = 256 * 1024;

/**
 * Post to a head node. @returns its answer, as far as it is JSON
 * @throws HeadUnreachable, HeadUntrusted; JoinRefused for an answer that is an error, with `status` and `code` as its cause
 */
export async function askPinned(head: PinnedHead, { path, body, signal }: PinnedRequest): Promise<unknown> {
  const authority = await shownAuthority(head);
  const dispatcher = new Agent({ connect: { ca: [authority], checkServerIdentity: headCheck(() => false), minVersion: 'TLSv1.3', timeout: SECONDS * 1000 }, maxResponseSize: MOST_BYTES });
  try {
    const response = await request(new URL(path, head.url), {
      dispatcher,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      headersTimeout: SECONDS * 1000,
      bodyTimeout: SECONDS * 1000,
      ...(signal && { signal }),
    }).catch((error: unknown) => Promise.reject(isTlsError(error) ? untrusted(head, error) : unreachable(head.url, error)));
    const text = await response.body.text();
    if (response.statusCode !== 200) throw refusal(head, response.statusCode, text);
    return jsonOf(text);
  } finally {
    await dispatcher.destroy();
  }
}

/** The identity that a head node issued. @throws HeadUntrusted, CertificateInvalid, JoinRefused when it is of another authority or for another node */
export function issuedIdentity(head: PinnedHead, issued: { readonly key: string; readonly uuid: string; readonly certificate: string; readonly ca: string; readonly heads: readonly string[] }): Identity {
  if (readCertificate(issued.ca).fingerprint !== head.ca) throw identityErrors.HeadUntrusted({ head: head.url, reason: 'it answered with another authority' });
  const identity = newIdentity({ key: issued.key, certificate: issued.certificate, ca: issued.ca, heads: issued.heads });
  verifyCertificate(identity.certificate, identity.ca);
  if (identity.uuid !== issued.uuid) throw identityErrors.JoinRefused({ head: head.url, reason: 'it issued a certificate for another node' });
  return identity;
}

/** The authority's certificate, from the chain that the head node shows: the one that we were told. */
async function shownAuthority(head: PinnedHead): Promise<string> {
  const socket = await handshake(head.url);
  try {
    let certificate = socket.getPeerX509Certificate();
    // A chain may show its last certificate as issued by itself.
    for (let length = 0; certificate && length < 8; length++) {
      if (detailsOf(certificate).fingerprint === head.ca) return certificate.toString();
      certificate = certificate.issuerCertificate;
    }
  } finally {
    socket.destroy();
  }
  throw identityErrors.HeadUntrusted({ head: head.url, reason: 'its certificates are not from the authority that was named' });
}

/** Nothing is believed and nothing is sent on this connection: it only shows certificates. */
function handshake(url: string): Promise<TLSSocket> {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port || 443), rejectUnauthorized: false, minVersion: 'TLSv1.3' });
    socket.setTimeout(SECONDS * 1000, () => socket.destroy(new Error('it does not answer')));
    socket.once('secureConnect', () => resolve(socket)).once('error', (error) => reject(unreachable(url, error)));
  });
}

/** What the head node said against it, in its own words as far as they are words. */
function refusal(head: PinnedHead, status: number, text: string): Error {
  const error = wireErrorSchema.safeParse(jsonOf(text)).data;
  const reason = error ? `${error.code}: ${error.message}` : `status ${status}`;
  return identityErrors.JoinRefused({ head: head.url, reason: reason.replace(/\p{Cc}/gu, ' ').slice(0, 300) }, { cause: { status, code: error?.code } });
}

function isTlsError(error: unknown): boolean {
  return error instanceof Error && /certificate|CERT|SIGNATURE/.test(`${'code' in error ? String(error.code) : ''} ${error.message}`);
}

function untrusted(head: PinnedHead, error: unknown): Error {
  return identityErrors.HeadUntrusted({ head: head.url, reason: error instanceof Error ? error.message : 'unknown' }, { cause: error });
}

function unreachable(url: string, error: unknown): Error {
  return identityErrors.HeadUnreachable({ head: url, reason: error instanceof Error ? ('code' in error ? String(error.code) : error.message) : 'unknown' }, { cause: error });
}
