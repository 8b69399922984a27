import type { FileHandle } from 'node:fs/promises';
import { imgadmErrors } from '../errors.ts';
import { openContent } from './content.ts';

const MIB = 1024 ** 2;
/** Blocks of nothing but zeros are left out in this size: that of a dataset's records. */
const BLOCK = 128 * 1024;
const ZEROS = Buffer.alloc(BLOCK);

export interface RawDisk {
  readonly file: FileHandle;
  /** The host's id that the decompressor runs as. */
  readonly jailId: number;
  readonly signal: AbortSignal;
}

/**
 * Count the bytes of a raw disk, decompressed.
 * @param most stop when there are more than this many.
 * @throws ImageTooBig, UncompressionError
 */
export async function measureDisk(disk: RawDisk, most: number): Promise<number> {
  let length = 0;
  for await (const chunk of chunksOf(disk)) {
    length += chunk.length;
    if (length > most) throw imgadmErrors.ImageTooBig({ reason: `its disk has more than ${Math.floor(most / MIB)} MiB, and the pool is no larger` });
  }
  return length;
}

/**
 * Write a raw disk to a file or device of zeros. What is zero in it is not written, and memory use is constant.
 * @param size MiB that the disk must have, the last one perhaps in part.
 * @throws ImageFileInvalid naming both sizes, UncompressionError
 */
export async function writeDisk(disk: RawDisk, target: FileHandle, size: number): Promise<void> {
  let position = 0;
  for await (const chunk of blocksOf(chunksOf(disk))) {
    if (position + chunk.length > size * MIB) throw sizeMismatch(size, 'more');
    if (!isZero(chunk)) await writeAll(target, chunk, position);
    position += chunk.length;
  }
  const actual = mebibytesOf(position);
  if (actual !== size) throw sizeMismatch(size, actual);
}

/** Bytes as MiB, rounded up: what `image_size` counts in. */
export function mebibytesOf(bytes: number): number {
  return Math.ceil(bytes / MIB);
}

/** The error that a manifest and its disk do not agree. @param actual MiB */
export function sizeMismatch(expected: number, actual: number | 'more'): Error {
  return imgadmErrors.ImageFileInvalid({ reason: `its manifest says image_size ${expected} (MiB), and the disk has ${actual === 'more' ? `more than ${expected}` : actual}` });
}

async function* chunksOf({ file, jailId, signal }: RawDisk): AsyncGenerator<Buffer> {
  const stop = new AbortController();
  // It may have been interrupted already, and then no event comes any more.
  signal.throwIfAborted();
  signal.addEventListener('abort', () => stop.abort(), { once: true });
  const { stream, finished } = await openContent(file, jailId, stop.signal);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) yield chunk;
    await finished;
  } finally {
    stop.abort();
    stream.destroy();
    await finished.catch(() => undefined);
  }
}

/** The same bytes in blocks that begin at multiples of their size. */
async function* blocksOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const block = Buffer.alloc(BLOCK);
  let filled = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const count = chunk.copy(block, filled, at);
      filled += count;
      at += count;
      if (filled < BLOCK) continue;
      yield block;
      filled = 0;
    }
  }
  if (filled > 0) yield block.subarray(0, filled);
}

function isZero(block: Buffer): boolean {
  return block.equals(block.length === BLOCK ? ZEROS : ZEROS.subarray(0, block.length));
}

async function writeAll(target: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await target.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
