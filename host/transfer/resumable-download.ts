import { setTimeout as sleep } from 'node:timers/promises';
import { EnvHttpProxyAgent, request, type Dispatcher } from 'undici';
import { ZonewrightError } from '../errors/errors.ts';
import { hostErrors } from '../errors/host-errors.ts';
import { chunksAtRate, MINIMUM_RATE, type MinimumRate } from './minimum-rate.ts';

export interface DownloadOptions {
  readonly signal?: AbortSignal | undefined;
  /** How often it goes on after the line broke without a byte since. Default 5. */
  readonly attempts?: number;
  readonly rate?: MinimumRate;
}

/**
 * The bytes behind a URL, in constant memory. When the line breaks it goes on where it was, as long as the server says that the
 * file is still the same.
 * @throws DownloadFailed
 */
export async function* downloadResumably(url: URL, { signal, attempts = 5, rate = MINIMUM_RATE }: DownloadOptions = {}): AsyncGenerator<Buffer> {
  const dispatcher = new EnvHttpProxyAgent({ connect: { timeout: 15_000 } });
  let received = 0;
  let validator: string | undefined;
  let failures = 0;
  try {
    for (;;) {
      try {
        const answer = await ask({ url, dispatcher, signal }, received, validator);
        validator = answer.validator;
        for await (const chunk of chunksAtRate(answer.body, rate, () => hostErrors.DownloadFailed({ url: shown(url), reason: `it came slower than ${rate.bytes} bytes in ${rate.seconds} seconds` }))) {
          received += chunk.length;
          failures = 0;
          yield chunk;
        }
        if (answer.total === undefined || received === answer.total) return;
        throw hostErrors.DownloadFailed({ url: shown(url), reason: `it ended after ${received} of ${answer.total} bytes` }, { cause: PASSING });
      } catch (error) {
        signal?.throwIfAborted();
        failures++;
        if (!isPassing(error) || failures >= attempts || (received > 0 && validator === undefined)) throw asFailure(error, url);
        await sleep(Math.min(200 * 2 ** failures, 5000), undefined, { ...(signal && { signal }) });
      }
    }
  } finally {
    await dispatcher.destroy();
  }
}

interface Asking {
  readonly url: URL;
  readonly dispatcher: Dispatcher;
  readonly signal: AbortSignal | undefined;
}

interface Answer {
  readonly body: Dispatcher.ResponseData['body'];
  readonly total: number | undefined;
  readonly validator: string | undefined;
}

/** Marks a failure after which the same request may well succeed. */
const PASSING = 'passing';

async function ask({ url, dispatcher, signal }: Asking, from: number, validator: string | undefined): Promise<Answer> {
  const range = from > 0 && validator !== undefined ? { range: `bytes=${from}-`, 'if-range': validator } : {};
  const { statusCode, headers, body } = await request(url, { dispatcher, headers: range, signal: signal ?? null, headersTimeout: 60_000, bodyTimeout: 0 });
  body.on('error', () => undefined);
  const header = (name: string): string | undefined => [headers[name]].flat()[0];
  const length = Number(header('content-length') ?? Number.NaN);
  // A weak validator does not promise the same bytes.
  const etag = header('etag');
  const facts = { body, validator: etag?.startsWith('"') ? etag : header('last-modified') };
  if (statusCode === 200 && from === 0) return { ...facts, total: Number.isSafeInteger(length) ? length : undefined };
  if (statusCode === 206 && from > 0 && header('content-range')?.startsWith(`bytes ${from}-`)) return { ...facts, total: Number.isSafeInteger(length) ? from + length : undefined };
  body.destroy();
  const reason = statusCode === 200 ? 'it changed on the server in the meantime' : `the server answers ${statusCode}`;
  throw hostErrors.DownloadFailed({ url: shown(url), reason }, { cause: statusCode >= 500 || statusCode === 429 ? PASSING : undefined });
}

function isPassing(error: unknown): boolean {
  return error instanceof Error && (error.cause === PASSING || !(error instanceof ZonewrightError));
}

function asFailure(error: unknown, url: URL): Error {
  if (error instanceof ZonewrightError) return error;
  return hostErrors.DownloadFailed({ url: shown(url), reason: error instanceof Error ? error.message || error.name : String(error) }, { cause: error });
}

/** Never with a password in it. */
function shown(url: URL): string {
  return `${url.origin}${url.pathname}`;
}
