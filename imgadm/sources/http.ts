/** Requests to an image source, by http or https. What a server says is bounded, and shown to people only with its control characters gone. */
import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { PeerCertificate } from 'node:tls';
import { Agent, EnvHttpProxyAgent, request, type Dispatcher } from 'undici';
import { ZonewrightError } from '../../host/errors/errors.ts';
import { imgadmErrors } from '../errors.ts';
import { urlBelow, type ImageSource } from './source.ts';

export interface HttpRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Readable;
  /** Statuses that are an answer rather than an error. Default: 200. */
  readonly accept?: readonly number[];
  readonly signal?: AbortSignal | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  header(name: string): string | undefined;
  readonly body: Readable;
}

/** A connection to one source. Close it when done. */
export interface SourceHttp {
  readonly source: ImageSource;
  /** @throws what the server says with its own code, ClientError when it cannot be reached or asked */
  send(request: HttpRequest): Promise<HttpAnswer>;
  /** As `send`, for an answer that is JSON of at most `mostBytes`. @throws ClientError also for other answers */
  json(request: HttpRequest, mostBytes: number): Promise<unknown>;
  close(): Promise<void>;
}

export interface HttpOptions {
  /** Goes with each request, so that logs of both ends can be laid side by side. */
  readonly requestId?: string | undefined;
}

const MOST_REDIRECTS = 3;
const MOST_ERROR_BYTES = 64 * 1024;

/** Open a source for requests. @throws ConfigError when the files of its identity cannot be read */
export async function openHttp(source: ImageSource, options: HttpOptions = {}): Promise<SourceHttp> {
  const dispatcher = await dispatcherOf(source);
  const headers = {
    accept: 'application/json',
    'accept-version': '~2',
    'user-agent': `imgadm/zonewright (node/${process.versions.node})`,
    ...(options.requestId === undefined ? {} : { 'x-request-id': options.requestId }),
  };
  const send = (wanted: HttpRequest): Promise<HttpAnswer> => follow(source, dispatcher, { ...wanted, headers: { ...headers, ...wanted.headers } });
  return {
    source,
    send,
    json: async (wanted, mostBytes) => parse(await textOf((await send(wanted)).body, mostBytes, source), source),
    close: () => dispatcher.destroy(),
  };
}

/** Whether the same request may well succeed in a moment: the network or the server failed, not what was asked. */
export function isPassing(error: unknown): boolean {
  return error instanceof ZonewrightError ? error.code === 'ClientError' && error.cause !== undefined : true;
}

/** Text from a server, for people: one line, nothing that moves a cursor, no novel. */
export function plainText(text: string): string {
  return text.replace(/[\p{C}\s]+/gu, ' ').trim().slice(0, 500);
}

async function follow(source: ImageSource, dispatcher: Dispatcher, wanted: HttpRequest): Promise<HttpAnswer> {
  let url = urlBelow(source, wanted.path, wanted.query);
  for (let redirects = 0; ; redirects++) {
    const answer = await ask(source, url, dispatcher, wanted);
    if ((wanted.accept ?? [200]).includes(answer.status)) return answer;
    const to = answer.header('location');
    const redirected = [301, 302, 303, 307, 308].includes(answer.status) && to !== undefined && (wanted.method ?? 'GET') === 'GET';
    if (!redirected) throw await errorOf(answer, source);
    answer.body.destroy();
    url = sameServer(to, url, source);
    if (redirects === MOST_REDIRECTS) throw failed(source, `it redirects more than ${MOST_REDIRECTS} times`);
  }
}

/** A source vouches for itself alone: elsewhere our identity is nobody's business, and neither is our network. */
function sameServer(location: string, from: URL, source: ImageSource): URL {
  const to = URL.parse(location, from.href);
  if (to === null) throw failed(source, `it redirects to "${plainText(location)}", which is not a URL`);
  if (to.origin !== from.origin) throw failed(source, `it redirects to another server, ${plainText(to.origin)}; add that one as a source if it is meant`);
  return to;
}

async function ask(source: ImageSource, url: URL, dispatcher: Dispatcher, wanted: HttpRequest): Promise<HttpAnswer> {
  try {
    const { statusCode, headers, body } = await request(url, {
      dispatcher,
      method: wanted.method ?? 'GET',
      headers: { ...wanted.headers },
      body: wanted.body ?? null,
      signal: wanted.signal ?? null,
      // It does not run while a body is being sent.
      headersTimeout: 120_000,
      // How fast a body has to come is judged where it is read.
      bodyTimeout: 0,
    });
    // Whoever reads it hears of its errors; until then they must not end the process.
    body.on('error', () => undefined);
    return { status: statusCode, header: (name) => [headers[name]].flat()[0], body };
  } catch (error) {
    if (wanted.signal?.aborted || error instanceof ZonewrightError) throw error;
    throw failed(source, reasonOf(error), error);
  }
}

async function dispatcherOf(source: ImageSource): Promise<Dispatcher> {
  const connect = { timeout: 15_000, ...(await tlsOf(source)) };
  // A proxy cannot pass on who we are, so it is not asked to.
  return source.tls || source.identity ? new Agent({ connect }) : new EnvHttpProxyAgent({ connect, requestTls: connect, connections: 4 });
}

async function tlsOf({ insecure, tls, identity }: ImageSource): Promise<object> {
  const files = await Promise.all([tls?.ca, tls?.cert, tls?.key].map((path) => (path === undefined ? undefined : readPem(path))));
  const [ca, cert, key] = identity ? [identity.ca, identity.cert, identity.key] : files;
  const uri = (identity ?? tls)?.serverUri;
  return {
    ...(insecure || process.env['IMGADM_INSECURE'] === '1' ? { rejectUnauthorized: false } : {}),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(uri === undefined ? {} : { checkServerIdentity: (_host: string, certificate: PeerCertificate) => checkUri(certificate, uri) }),
  };
}

function checkUri(certificate: PeerCertificate, uri: string): Error | undefined {
  const uris = (certificate.subjectaltname ?? '').split(', ').filter((name) => name.startsWith('URI:'));
  // With several such names it would be several holders.
  return uris.length === 1 && uris[0] === `URI:${uri}` ? undefined : new Error(`the server's certificate does not say that it is ${uri}`);
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw imgadmErrors.ConfigError({ path, reason: `it cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}` }, { cause: error });
  }
}

async function textOf(body: Readable, mostBytes: number, source: ImageSource): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  const timer = setTimeout(() => body.destroy(new Error(`no end of its answer after ${ANSWER_SECONDS} seconds`)), ANSWER_SECONDS * 1000);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > mostBytes) throw failed(source, `its answer has more than ${mostBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof ZonewrightError ? error : failed(source, reasonOf(error), error);
  } finally {
    clearTimeout(timer);
    body.destroy();
  }
  return Buffer.concat(chunks).toString('utf8');
}

const ANSWER_SECONDS = 120;

function parse(text: string, source: ImageSource): unknown {
  try {
    return text === '' ? {} : JSON.parse(text);
  } catch {
    throw failed(source, 'its answer is not JSON; is this the URL of an image server?');
  }
}

/** The error that a server answered with: its code and message when it has them (reference §3.1). */
async function errorOf(answer: HttpAnswer, source: ImageSource): Promise<Error> {
  const text = await textOf(answer.body, MOST_ERROR_BYTES, source).catch(() => '');
  const said = asObject(text);
  const code = typeof said['code'] === 'string' && /^[A-Za-z]{1,64}$/.test(said['code']) ? said['code'] : undefined;
  const message = typeof said['message'] === 'string' ? plainText(said['message']) : '';
  const itself = new Error(`status ${answer.status}`);
  if (code === undefined) return failed(source, `it answered with ${itself.message}${message === '' ? '' : `: ${message}`}`, answer.status >= 500 ? itself : undefined);
  return new ZonewrightError(code, `${source.url}: ${message === '' ? `status ${answer.status}` : message}`, { details: fieldErrors(said['errors']), status: answer.status });
}

function fieldErrors(errors: unknown): string[] {
  if (!Array.isArray(errors)) return [];
  return errors.slice(0, 50).map((one: unknown) => {
    const { field, code, message } = (typeof one === 'object' && one !== null ? one : {}) as Record<string, unknown>;
    return plainText([field, code, message].filter((part) => typeof part === 'string').join(': '));
  });
}

function asObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function failed(source: ImageSource, reason: string, cause?: unknown): Error {
  return imgadmErrors.ClientError({ url: source.url, reason }, { cause });
}

function reasonOf(error: unknown): string {
  const known = error as { readonly code?: unknown; readonly message?: unknown; readonly errors?: ReadonlyArray<{ readonly message?: string }> };
  const text = String(known.message ?? '') || (known.errors?.[0]?.message ?? '') || String(known.code ?? 'unknown error');
  return plainText(text);
}
