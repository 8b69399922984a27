/** Requests with HTTP Signatures made by hand, so that each part of one can be wrong. */
import type { KeyPair } from './serving.ts';

export interface SignedRequest {
  readonly method?: string;
  readonly path: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly key: KeyPair;
  readonly keyId: string;
  readonly date?: string;
  readonly algorithm?: string;
  /** Names of what is signed. */
  readonly signed?: readonly string[];
  /** What is signed in the path's place. */
  readonly signedPath?: string;
  /** Change the signature, or the whole header. */
  readonly spoil?: (signature: string) => string;
  readonly authorization?: string;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly json: { readonly code?: string; readonly message?: string; readonly [field: string]: unknown };
  readonly headers: Headers;
}

const ALGORITHMS = { rsa: 'rsa-sha256', ecdsa: 'ecdsa-sha256', ed25519: 'ed25519-sha512' } as const;

/** The headers of a signed request. */
export function signedHeaders({ method = 'GET', path, key, keyId, date = new Date().toUTCString(), algorithm, signed = ['(request-target)', 'date'], signedPath = path, spoil = (text) => text, authorization, headers = {} }: SignedRequest): Record<string, string> {
  const values: Readonly<Record<string, string>> = { '(request-target)': `${method.toLowerCase()} ${signedPath}`, date };
  const type = key.key.type as keyof typeof ALGORITHMS;
  const signer = key.key.createSign(type === 'ed25519' ? 'sha512' : 'sha256');
  signer.update(signed.map((name) => `${name}: ${values[name]}`).join('\n'));
  const signature = spoil(signer.sign().toString());
  const header = `Signature keyId="${keyId}",algorithm="${algorithm ?? ALGORITHMS[type]}",headers="${signed.join(' ')}",signature="${signature}"`;
  return { date, authorization: authorization ?? header, ...headers };
}

/** Send one. */
export async function send(url: string, request: SignedRequest): Promise<Answer> {
  const { method = 'GET', path, body } = request;
  return await plain(url, { method, path, headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...signedHeaders(request) }, ...(body === undefined ? {} : { body }) });
}

/** Send a request as it is. */
export async function plain(url: string, { path, ...request }: RequestInit & { readonly path: string }): Promise<Answer> {
  const response = await fetch(`${url}${path}`, request);
  const text = await response.text();
  return { status: response.status, text, json: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : {}, headers: response.headers };
}
