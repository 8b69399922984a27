/**
 * Image files on their way here.
 *
 * A file is written to `<uuid>-<sha1>.partial` and nothing is done with it before all of it is there and is what the
 * manifest says. The name carries the checksum, so whatever is there already is a beginning of the same content, from
 * whichever source it came: a download that was cut off, by the network or by a kill, goes on where it stopped. Should
 * the beginning have been another's after all, the checksum tells, and it is fetched once more from the start.
 */
import { createReadStream } from 'node:fs';
import { chmod, mkdir, open, readdir, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isSystemError, ZonewrightError } from '../../host/errors/errors.ts';
import { chunksAtRate, MINIMUM_RATE, type MinimumRate } from '../../host/transfer/minimum-rate.ts';
import { imgadmErrors } from '../errors.ts';
import type { ImageManifest } from '../manifest/manifest.ts';
import { isPassing, type HttpAnswer } from '../sources/http.ts';
import type { Imgapi } from '../sources/imgapi.ts';
import { hasFailedForSpace } from '../store/space.ts';
import { count, differenceOf, nothingYet, type Difference, type Expectation, type Received } from './received.ts';

export interface DownloadOptions {
  /** Where files are while they are not whole; made when it is not there. */
  readonly directory: string;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((received: number, size: number) => void) | undefined;
  readonly rate?: MinimumRate;
  /** Milliseconds before the second attempt, doubled before each further one. Default: 500. */
  readonly pauseMs?: number;
}

export interface Download {
  /** All of the image's file, verified and open. */
  readonly file: FileHandle;
  readonly path: string;
  /** Close it and take it away. */
  discard(): Promise<void>;
  /** Close it and let it lie for the next attempt. */
  keep(): Promise<void>;
}

/**
 * Fetch an image's file. The caller holds a lock that keeps others from fetching the same.
 * What came stays when it may go on later: after an interruption, and when the network fails.
 * @throws DownloadError when it is not what the manifest says, DownloadInterrupted, ClientError, what the source answers
 */
export async function downloadImage(api: Imgapi, manifest: ImageManifest, options: DownloadOptions): Promise<Download> {
  const expected = expectationOf(manifest);
  await mkdir(options.directory, { recursive: true, mode: 0o700 });
  await chmod(options.directory, 0o700);
  await sweep(options.directory);
  const path = join(options.directory, `${manifest.uuid}-${expected.sha1}.partial`);
  const file = await open(path, 'a+', 0o600);
  const discard = async (): Promise<void> => {
    await file.close();
    await rm(path, { force: true });
  };
  try {
    await fetchAll({ api, manifest, expected, file, options });
    return { file, path, discard, keep: () => file.close() };
  } catch (error) {
    if (isFinal(error) || (await file.stat()).size === 0) await discard();
    else await file.close();
    throw error;
  }
}

interface Fetching {
  readonly api: Imgapi;
  readonly manifest: ImageManifest;
  readonly expected: Expectation;
  readonly file: FileHandle;
  readonly options: DownloadOptions;
}

const MOST_FRUITLESS_ATTEMPTS = 4;
/** What an attempt must bring, lest a source keeps us busy with a byte for each. */
const FRUIT_BYTES = 64 * 1024;

async function fetchAll(fetching: Fetching): Promise<void> {
  const received = await whatIsThere(fetching);
  let pieced = received.length > 0;
  let furthest = received.length;
  for (let fruitless = 0; ; ) {
    try {
      if (received.length < fetching.expected.size) await fetchRest(fetching, received);
    } catch (error) {
      if (fetching.options.signal?.aborted) throw interrupted(fetching, received);
      fruitless = received.length >= furthest + FRUIT_BYTES ? 0 : fruitless + 1;
      furthest = Math.max(furthest, received.length);
      if (!isPassing(error) || fruitless === MOST_FRUITLESS_ATTEMPTS) throw asDownloadFailure(error, fetching);
      pieced ||= received.length > 0;
      await pause(fetching, received, fruitless);
      continue;
    }
    const difference = differenceOf(fetching.expected, received);
    if (difference === undefined) return;
    if (!pieced) throw mismatch(fetching, difference);
    pieced = false;
    await startAgain(fetching, received);
  }
}

async function whatIsThere({ file, expected, options }: Fetching): Promise<Received> {
  const received = nothingYet(expected);
  if ((await file.stat()).size > expected.size) await file.truncate(0);
  for await (const chunk of createReadStream('', { fd: file, start: 0, autoClose: false, highWaterMark: 1024 * 1024 })) {
    if (options.signal?.aborted) break;
    count(received, chunk as Buffer);
  }
  return received;
}

async function fetchRest(fetching: Fetching, received: Received): Promise<void> {
  const { api, manifest, expected, options } = fetching;
  options.signal?.throwIfAborted();
  const answer = await api.file(manifest.uuid, received.length, options.signal);
  const writer = newWriter(fetching, received);
  try {
    if (answer.status === 416) throw mismatch(fetching, { what: 'size', expected: expected.size, actual: `at most ${received.length}` });
    if (answer.status === 200 && received.length > 0) await startAgain(fetching, received);
    requireLength(fetching, answer, received.length);
    let arrived = received.length;
    for await (const chunk of chunksAtRate(answer.body, options.rate ?? MINIMUM_RATE, (rate) => tooSlow(fetching, rate))) {
      arrived += chunk.length;
      if (arrived > expected.size) throw mismatch(fetching, { what: 'size', expected: expected.size, actual: `more than ${expected.size}` });
      await writer.take(chunk);
    }
  } finally {
    answer.body.destroy();
    // Also what came before a connection broke: the next attempt begins behind it.
    await writer.end();
  }
  if (received.length < expected.size) throw new Error(`it ended after ${received.length} of ${expected.size} bytes`);
}

/** Bytes that may wait for a file system that is slower than the source. */
const MOST_WAITING = 4 * 1024 * 1024;

/**
 * Writes while more is coming: what comes during a write is the next one, so that a slow file system is asked for few large writes,
 * and nothing waits while the source pauses.
 */
function newWriter(fetching: Fetching, received: Received) {
  const waiting: Buffer[] = [];
  let failure: { readonly error: unknown } | undefined;
  let writing: Promise<void> | undefined;
  const write = async (): Promise<void> => {
    while (waiting.length > 0 && !failure) {
      const bytes = Buffer.concat(waiting.splice(0));
      try {
        await writeAll(fetching, bytes);
      } catch (error) {
        failure = { error };
        return;
      }
      count(received, bytes);
      fetching.options.onProgress?.(received.length, fetching.expected.size);
    }
  };
  const begin = (): Promise<void> => (writing ??= write().finally(() => (writing = undefined)));
  const throwFailure = (): void => {
    if (failure) throw failure.error;
  };
  return {
    /** @throws what a write before this one has thrown */
    async take(chunk: Buffer): Promise<void> {
      waiting.push(chunk);
      const begun = begin();
      if (waiting.reduce((sum, { length }) => sum + length, 0) >= MOST_WAITING) await begun;
      throwFailure();
    },
    async end(): Promise<void> {
      await begin();
      throwFailure();
    },
  };
}

/** What the answer says of its own length must be right; where it says nothing the bytes are counted. */
function requireLength(fetching: Fetching, answer: HttpAnswer, from: number): void {
  const { size } = fetching.expected;
  const length = answer.header('content-length');
  if (length !== undefined && Number(length) !== size - from) throw mismatch(fetching, { what: 'size', expected: size, actual: Number(length) + from });
  if (answer.status !== 206) return;
  const [, first, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(answer.header('content-range') ?? '') ?? [];
  if (Number(first) !== from) throw imgadmErrors.DownloadError({ reason: `${fetching.api.source.url}: asked for bytes from ${from} on, it sends others` });
  if (total !== '*' && Number(total) !== size) throw mismatch(fetching, { what: 'size', expected: size, actual: Number(total) });
}

async function startAgain({ file, expected }: Fetching, received: Received): Promise<void> {
  await file.truncate(0);
  Object.assign(received, nothingYet(expected));
}

/** The file is open for appending, so no position is needed. */
async function writeAll({ file, manifest }: Fetching, chunk: Buffer): Promise<void> {
  try {
    for (let done = 0; done < chunk.length; ) done += (await file.write(chunk, done)).bytesWritten;
  } catch (error) {
    throw hasFailedForSpace(error) ? imgadmErrors.DownloadError({ reason: `there is no room for the file of image ${manifest.uuid}` }, { cause: error }) : error;
  }
}

function expectationOf(manifest: ImageManifest): Expectation {
  const [file] = manifest.files ?? [];
  const { size, sha1, sha256 } = file ?? {};
  if (size === undefined || sha1 === undefined) {
    throw imgadmErrors.DownloadError({ reason: `image ${manifest.uuid}: its manifest has no size and sha1 of its file, so the file could not be verified` });
  }
  if (size === 0) throw imgadmErrors.DownloadError({ reason: `image ${manifest.uuid}: its file is empty` });
  return { size, sha1, sha256 };
}

function mismatch({ api, manifest }: Fetching, { what, expected, actual }: Difference): Error {
  return imgadmErrors.DownloadError({ reason: `${api.source.url}: ${what} of the file of image ${manifest.uuid} does not match its manifest: expected ${expected}, got ${actual}` });
}

function tooSlow({ api, manifest }: Fetching, { bytes, seconds }: MinimumRate): Error {
  return imgadmErrors.ClientError({ url: api.source.url, reason: `the file of image ${manifest.uuid} comes too slowly: less than ${bytes} bytes in ${seconds} seconds` });
}

function interrupted({ manifest, expected }: Fetching, received: Received): Error {
  return imgadmErrors.DownloadInterrupted({ uuid: manifest.uuid, received: received.length, size: expected.size });
}

function asDownloadFailure(error: unknown, { api }: Fetching): unknown {
  if (error instanceof ZonewrightError) return error;
  return imgadmErrors.ClientError({ url: api.source.url, reason: error instanceof Error ? error.message : String(error) }, { cause: error });
}

async function pause(fetching: Fetching, received: Received, fruitless: number): Promise<void> {
  const { signal, pauseMs = 500 } = fetching.options;
  await sleep(pauseMs * 2 ** Math.max(0, fruitless - 1), undefined, signal ? { signal } : {}).catch(() => {
    throw interrupted(fetching, received);
  });
}

/** Whether the same file could not become right by going on: it is another's, or the source does not give it. */
function isFinal(error: unknown): boolean {
  return error instanceof ZonewrightError && error.code !== 'DownloadInterrupted' && error.code !== 'ClientError';
}

const FORGOTTEN_AFTER_DAYS = 7;

/** Take away beginnings that nobody came back for. */
async function sweep(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    const age = Date.now() - ((await stat(path).catch((error: unknown) => (isSystemError(error, 'ENOENT') ? undefined : Promise.reject(error as Error))))?.mtimeMs ?? Date.now());
    if (name.endsWith('.partial') && age > FORGOTTEN_AFTER_DAYS * 86_400_000) await rm(path, { force: true });
  }
}
