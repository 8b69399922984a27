import { connect, type TLSSocket } from 'node:tls';
import { Agent, request } from 'undici';
import { jsonOf } from '../wire/json.ts';
import { newPrivateKey } from '../../host/pki/keys.ts';
import { newRequest } from '../../host/pki/request.ts';
import { detailsOf, readCertificate, verifyCertificate } from '../../host/pki/certificate.ts';
import { decodeJoinToken, joinAnswerSchema, type JoinToken } from '../wire/join.ts';
import { wireErrorSchema } from '../wire/errors.ts';
import { holderName, holderUri } from '../wire/roles.ts';
import type { Sysinfo } from '../wire/sysinfo.ts';
import { identityErrors } from './errors.ts';
import { headCheck } from './head-check.ts';
import { newIdentity, type Identity } from './identity.ts';

/** What a node says when it joins. */
export interface Joining {
  /** As the operator got it. */
  readonly token: string;
  readonly uuid: string;
  readonly sysinfo?: Sysinfo;
}

const SECONDS = 15;
const MOST_BYTES = 256 * 1024;

/**
 * Join a head node: make a key, prove that we have it, and get a certificate for this node. The secret leaves only after whoever
 * answers has shown a head node's certificate of the authority that the token names.
 * @throws JoinTokenInvalid, HeadUnreachable, HeadUntrusted, TokenUsed, TokenExpired, JoinRefused
 */
export async function joinHead({ token: text, uuid, sysinfo }: Joining): Promise<Identity> {
  const token = decodeJoinToken(text);
  if (!token) throw identityErrors.JoinTokenInvalid({ reason: 'it is not a token, or not all of one' });
  const authority = await shownAuthority(token);
  const key = await newPrivateKey();
  const holder = { role: 'node', uuid } as const;
  const csr = await newRequest(key, { uri: holderUri(holder), name: holderName(holder) });
  const answer = await ask(token, authority, { secret: token.secret, uuid, csr, ...(sysinfo && { sysinfo }) });
  return checkedIdentity(token, { key, uuid }, answer);
}

/** The authority's certificate, from the chain that the head node shows: the one that the token names. */
async function shownAuthority(token: JoinToken): Promise<string> {
  const socket = await handshake(token.url);
  try {
    let certificate = socket.getPeerX509Certificate();
    // A chain may show its last certificate as issued by itself.
    for (let length = 0; certificate && length < 8; length++) {
      if (detailsOf(certificate).fingerprint === token.ca) return certificate.toString();
      certificate = certificate.issuerCertificate;
    }
  } finally {
    socket.destroy();
  }
  throw identityErrors.HeadUntrusted({ head: token.url, reason: 'its certificates are not from the authority that the token names' });
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

async function ask(token: JoinToken, authority: string, body: object): Promise<unknown> {
  const dispatcher = new Agent({ connect: { ca: [authority], checkServerIdentity: headCheck(() => false), minVersion: 'TLSv1.3', timeout: SECONDS * 1000 }, maxResponseSize: MOST_BYTES });
  try {
    const response = await request(new URL('/join', token.url), {
      dispatcher,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      headersTimeout: SECONDS * 1000,
      bodyTimeout: SECONDS * 1000,
    }).catch((error: unknown) => Promise.reject(isTlsError(error) ? untrusted(token, error) : unreachable(token.url, error)));
    const text = await response.body.text();
    if (response.statusCode !== 200) throw refusal(token, response.statusCode, text);
    return jsonOf(text);
  } finally {
    await dispatcher.destroy();
  }
}

function checkedIdentity(token: JoinToken, { key, uuid }: { readonly key: string; readonly uuid: string }, answer: unknown): Identity {
  const { data } = joinAnswerSchema.safeParse(answer);
  if (!data) throw identityErrors.JoinRefused({ head: token.url, reason: 'its answer is not understood' });
  if (readCertificate(data.ca).fingerprint !== token.ca) throw identityErrors.HeadUntrusted({ head: token.url, reason: 'it answered with another authority' });
  const identity = newIdentity({ key, certificate: data.certificate, ca: data.ca, heads: data.heads });
  verifyCertificate(identity.certificate, identity.ca);
  if (identity.uuid !== uuid) throw identityErrors.JoinRefused({ head: token.url, reason: 'it issued a certificate for another node' });
  return identity;
}

/** What the head node said against it, in its own words as far as they are words. */
function refusal(token: JoinToken, status: number, text: string): Error {
  const error = wireErrorSchema.safeParse(jsonOf(text)).data;
  if (error?.code === 'TokenUsed') return identityErrors.TokenUsed();
  if (error?.code === 'TokenExpired') return identityErrors.TokenExpired();
  const reason = error ? `${error.code}: ${error.message}` : `status ${status}`;
  return identityErrors.JoinRefused({ head: token.url, reason: reason.replace(/\p{Cc}/gu, ' ').slice(0, 300) });
}


function isTlsError(error: unknown): boolean {
  return error instanceof Error && (/certificate|CERT|SIGNATURE/.test(`${'code' in error ? String(error.code) : ''} ${error.message}`));
}

function untrusted(token: JoinToken, error: unknown): Error {
  return identityErrors.HeadUntrusted({ head: token.url, reason: error instanceof Error ? error.message : 'unknown' }, { cause: error });
}

function unreachable(url: string, error: unknown): Error {
  return identityErrors.HeadUnreachable({ head: url, reason: error instanceof Error ? ('code' in error ? String(error.code) : error.message) : 'unknown' }, { cause: error });
}
