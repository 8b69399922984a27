/** Requests to head nodes, by mutual TLS. There may be several; the one that answered last is asked first. */
import { Agent, request, type Dispatcher } from 'undici';
import { jsonOf } from '../wire/json.ts';
import manifest from '../../package.json' with { type: 'json' };
import { identityErrors } from '../identity/errors.ts';
import { headCheck } from '../identity/head-check.ts';
import type { Identity } from '../identity/identity.ts';
import { wireErrorSchema } from '../wire/errors.ts';

export interface HeadRequest {
  readonly method: 'POST' | 'PUT';
  readonly path: string;
  readonly body: unknown;
  /** Milliseconds for the whole of it; 5 s unless given. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

export interface HeadResponse {
  readonly status: number;
  /** Parsed; undefined for 204 and for what is not JSON. */
  readonly body: unknown;
}

export interface HeadClient {
  /**
   * Send a request to a head node. Every answer below 300 is returned.
   * @throws HeadRefused with the status and code of any other answer; HeadUnreachable when none of them can be reached
   */
  send(request: HeadRequest): Promise<HeadResponse>;
  /** From now on with another certificate. */
  renew(identity: Identity): void;
  close(): Promise<void>;
}

export interface HeadClientOptions {
  readonly identity: Identity;
  isRevoked?(fingerprint: string): boolean;
}

const TIMEOUT = 5000;
const MOST_BYTES = 4 * 1024 * 1024;

export function openHeadClient({ identity: first, isRevoked = () => false }: HeadClientOptions): HeadClient {
  let identity = first;
  let dispatcher = dispatcherFor(identity, isRevoked);
  let preferred = 0;
  return {
    async send(wanted) {
      const { heads, uuid } = identity;
      const failures: string[] = [];
      let refusal: unknown;
      for (let tried = 0; tried < heads.length; tried++) {
        const index = (preferred + tried) % heads.length;
        const head = heads[index] ?? '';
        try {
          const response = await sendTo(dispatcher, { head, uuid }, wanted);
          const answer = acceptable(response, head, wanted.path);
          preferred = index;
          return answer;
        } catch (error) {
          if (wanted.signal?.aborted) throw error;
          const refused = refusalOf(error);
          // One that is in trouble itself is no reason not to ask another.
          if (refused && refused.status < 500) throw error;
          if (refused) refusal = error;
          failures.push(`${head}: ${reasonOf(error)}`);
        }
      }
      if (refusal) throw refusal;
      throw identityErrors.HeadUnreachable({ head: heads[preferred] ?? '', reason: failures.join('; ') });
    },
    renew(renewed) {
      const old = dispatcher;
      identity = renewed;
      dispatcher = dispatcherFor(identity, isRevoked);
      preferred = 0;
      void old.close();
    },
    close: () => dispatcher.destroy(),
  };
}

/** A refusal with what a program needs to tell refusals apart. */
export function refusalOf(error: unknown): { readonly status: number; readonly code: string } | undefined {
  const cause = error instanceof Error ? (error.cause as { status?: unknown; code?: unknown } | undefined) : undefined;
  return typeof cause?.status === 'number' ? { status: cause.status, code: String(cause.code) } : undefined;
}

function dispatcherFor({ key, certificate, ca }: Identity, isRevoked: (fingerprint: string) => boolean): Agent {
  return new Agent({
    connect: { key, cert: certificate, ca: [ca], checkServerIdentity: headCheck(isRevoked), minVersion: 'TLSv1.3', timeout: TIMEOUT },
    connections: 2,
    // Longer than the pause between two heartbeats, so that they share one connection.
    keepAliveTimeout: 15_000,
    maxResponseSize: MOST_BYTES,
  });
}

async function sendTo(dispatcher: Dispatcher, { head, uuid }: { readonly head: string; readonly uuid: string }, { method, path, body, timeout = TIMEOUT, signal }: HeadRequest): Promise<{ status: number; text: string }> {
  const ended = new AbortController();
  const tooLate = setTimeout(() => ended.abort(new Error('it did not answer in time')), timeout);
  const cancel = (): void => ended.abort(signal?.reason);
  signal?.addEventListener('abort', cancel);
  if (signal?.aborted) cancel();
  try {
    const response = await request(new URL(path, head), {
      dispatcher,
      method,
      headers: { 'content-type': 'application/json', accept: 'application/json', 'user-agent': `zonewright-agent/${manifest.version} (node/${process.versions.node}) server/${uuid}` },
      body: JSON.stringify(body),
      signal: ended.signal,
    });
    return { status: response.statusCode, text: await response.body.text() };
  } finally {
    clearTimeout(tooLate);
    // The signal lives as long as the agent; what listens to it must not.
    signal?.removeEventListener('abort', cancel);
  }
}

function acceptable({ status, text }: { readonly status: number; readonly text: string }, head: string, path: string): HeadResponse {
  const body = text === '' ? undefined : jsonOf(text);
  if (status < 300) return { status, body };
  const { code = 'unknown', message = 'it gave no reason' } = wireErrorSchema.safeParse(body).data ?? {};
  const reason = message.replace(/\p{Cc}/gu, ' ').slice(0, 300);
  throw identityErrors.HeadRefused({ head, path: path.split('?')[0] ?? '', status, code: code.slice(0, 64), reason }, { cause: { status, code } });
}


function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return 'code' in error ? `${String(error.code)}: ${error.message}` : error.message;
}
