import { createReadStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { PassThrough, type Readable } from 'node:stream';
import { isErrorCode } from '../../host/errors/errors.ts';
import { jailed } from '../../host/jail/jail.ts';
import { run } from '../../host/run/run.ts';
import { imgadmErrors } from '../errors.ts';
import { compressionOf, decompressor } from './compression.ts';
import { foreignDisk } from './foreign-disk.ts';
import { isQcow2, parseQcow2Header, type Qcow2Header } from './qcow2-header.ts';
import { parseStreamHeader, type ZfsStreamHeader } from './zfs-stream.ts';

/** The content of an image file, decompressed as it is read. */
export interface Content {
  readonly stream: Readable;
  /** Settles when the decompressor has ended; rejects when it did not like the file. */
  readonly finished: Promise<void>;
}

/** What an image file holds, as far as its beginning tells. */
export type ContentKind =
  | { readonly kind: 'tar' }
  | { readonly kind: 'zfs'; readonly header: ZfsStreamHeader }
  | { readonly kind: 'qcow2'; readonly header: Qcow2Header }
  /** A disk of a format that is none of ours. */
  | { readonly kind: 'foreign'; readonly format: string }
  /** Anything else: to be taken as it is, or not at all. `size` is known when it is not compressed. */
  | { readonly kind: 'raw'; readonly size?: number };

/**
 * Open an image file's content. Decompressors parse data that nobody vouches for, so they run in the jail.
 * @param jailId the id that they run as.
 */
export async function openContent(file: FileHandle, jailId: number, signal: AbortSignal): Promise<Content> {
  const { buffer } = await file.read(Buffer.alloc(8), 0, 8, 0);
  const compression = compressionOf(buffer);
  const own = await reopen(file);
  if (compression === 'none') {
    return { stream: createReadStream('', { fd: own, start: 0, signal, highWaterMark: 256 * 1024 }), finished: Promise.resolve() };
  }
  const stream = new PassThrough({ highWaterMark: 256 * 1024 });
  const finished = run(jailed(decompressor(compression), { id: jailId, limits: { memory: DECOMPRESSOR_MEMORY } }), { inputDescriptor: own.fd, stdoutTo: stream, signal }).then(
    () => undefined,
    (error: unknown) => {
      const failure = isErrorCode(error, 'CommandFailed') ? imgadmErrors.UncompressionError({ compression, reason: error.message }, { cause: error }) : error;
      stream.destroy(failure as Error);
      throw failure;
    },
  );
  finished.catch(() => undefined).finally(() => own.close());
  return { stream, finished };
}

/** Some formats let the file say how much memory it takes to decompress it. */
const DECOMPRESSOR_MEMORY = 1024 ** 3;

/** Look at the beginning of an image file. @throws ImageFileInvalid on a qcow2 disk that refers to more than itself */
export async function sniffContent(file: FileHandle, jailId: number): Promise<ContentKind> {
  const start = await beginningOf(file, jailId);
  const header = parseStreamHeader(start);
  if (header) return { kind: 'zfs', header };
  if (isTar(start)) return { kind: 'tar' };
  if (isQcow2(start)) return { kind: 'qcow2', header: parseQcow2Header(start) };
  const format = foreignDisk(start);
  if (format !== undefined) return { kind: 'foreign', format };
  const { buffer } = await file.read(Buffer.alloc(8), 0, 8, 0);
  return { kind: 'raw', ...(compressionOf(buffer) === 'none' ? { size: (await file.stat()).size } : {}) };
}

const ENOUGH = 512;

async function beginningOf(file: FileHandle, jailId: number): Promise<Buffer> {
  const stop = new AbortController();
  const { stream, finished } = await openContent(file, jailId, stop.signal);
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= ENOUGH) break;
    }
    return Buffer.concat(chunks);
  } finally {
    stop.abort();
    await finished.catch(() => undefined);
  }
}

/** A tar header carries the sum of its own bytes, counted with blanks where that sum stands. */
function isTar(start: Buffer): boolean {
  if (start.length < 512) return false;
  const stored = parseInt(start.toString('latin1', 148, 156).replaceAll('\0', ' ').trim(), 8);
  let sum = 8 * 0x20;
  for (let index = 0; index < 512; index++) sum += index >= 148 && index < 156 ? 0 : (start[index] ?? 0);
  return sum === stored;
}

/** A descriptor with a position of its own for the same file, whatever its name leads to by now. */
function reopen(file: FileHandle): Promise<FileHandle> {
  return open(`/proc/self/fd/${file.fd}`, 'r');
}
