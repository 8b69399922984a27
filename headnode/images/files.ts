/**
 * Image files of this head node: one directory, each file under the sha256 of its content, so that what has a name is whole.
 * A file that is on its way in has a temporary one until all of it is on disk; what a crash left of those is swept away.
 */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, rename, rm, stat, statfs, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { isSystemError } from '../../host/errors/errors.ts';
import { makePrivateDirectory, sweepTemporaries, syncDirectory } from '../../host/files/atomic.ts';
import { withLock } from '../../host/lock/lock.ts';
import { chunksAtRate, MINIMUM_RATE, type MinimumRate } from '../../host/transfer/minimum-rate.ts';
import { imageErrors } from './errors.ts';

/** What is known of a stored file. */
export interface StoredFile {
  readonly size: number;
  readonly sha1: string;
  readonly sha256: string;
  /** Base64, as Content-MD5 has it. */
  readonly md5: string;
}

export interface Incoming {
  readonly uuid: string;
  readonly stream: Readable;
  /** What the sender says of it. */
  readonly size?: number | undefined;
  readonly sha1?: string | undefined;
  readonly rate?: MinimumRate | undefined;
}

export interface ImageFiles {
  /** Where files lie that are being fetched from other servers. */
  readonly incoming: string;
  /**
   * Take a file in; `keep` makes it an image's, and the file is on disk by then. What nobody keeps is gone.
   * @throws Upload, ImageFileTooBig, StorageIsFull
   */
  take(incoming: Incoming, keep: (file: StoredFile) => Promise<void>): Promise<void>;
  /** The same for a file that is on this disk already. */
  adopt(path: string, keep: (file: StoredFile) => Promise<void>): Promise<void>;
  has(sha256: string): Promise<boolean>;
  /** @param range first and last byte, both included */
  read(sha256: string, range?: { readonly start: number; readonly end: number }): Promise<Readable>;
  /** Remove a file that no image has. */
  removeUnused(sha256: string): Promise<void>;
}

const SHA256 = /^[0-9a-f]{64}$/;
/** What IMGAPI takes at most. */
const MOST_BYTES = 20 * 1024 ** 3;
/** Bytes of a disk that are left for everything else. */
const RESERVE = 64 * 1024 ** 2;

/**
 * Open the store in a directory of the head's own; it is made when it is not there. Files that no image has are taken away:
 * their upload ended between disk and database.
 * @param isUsed whether an image has a file
 */
export async function openImageFiles(directory: string, isUsed: (sha256: string) => Promise<boolean>): Promise<ImageFiles> {
  const incoming = join(directory, 'incoming');
  for (const path of [directory, incoming]) await makePrivateDirectory(path);
  await sweepTemporaries(directory);
  const place = (sha256: string): string => join(directory, checked(sha256));
  const locked = (sha256: string, work: () => Promise<void>): Promise<void> => withLock({ scope: directory, name: `image-file:${sha256}`, action: 'work on an image file' }, work);

  async function settle(path: string, stored: StoredFile, keep: (file: StoredFile) => Promise<void>): Promise<void> {
    await locked(stored.sha256, async () => {
      await rename(path, place(stored.sha256));
      await syncDirectory(directory);
      try {
        await keep(stored);
      } catch (error) {
        await dropUnused(stored.sha256);
        throw error;
      }
    });
  }
  async function dropUnused(sha256: string): Promise<void> {
    if (!(await isUsed(sha256))) await rm(place(sha256), { force: true });
  }
  const removeUnused = (sha256: string): Promise<void> => locked(sha256, () => dropUnused(sha256));
  for (const name of await readdir(directory)) if (SHA256.test(name)) await removeUnused(name);

  return {
    incoming,
    async take(file, keep) {
      const path = join(directory, `.${process.pid}-${randomUUID()}.tmp`);
      try {
        await settle(path, await receive(path, file, directory), keep);
      } finally {
        await rm(path, { force: true });
      }
    },
    async adopt(path, keep) {
      await settle(path, await digestsOf(path), keep);
    },
    has: (sha256) => stat(place(sha256)).then(({ size }) => size > 0, () => false),
    async read(sha256, range) {
      const file = await open(place(sha256), 'r');
      return createReadStream('', { fd: file, highWaterMark: 256 * 1024, ...(range ?? {}) });
    },
    removeUnused,
  };
}

async function receive(path: string, incoming: Incoming, directory: string): Promise<StoredFile> {
  await requireRoom(incoming, directory);
  const file = await open(path, 'wx', 0o600);
  try {
    const digests = newDigests();
    for await (const chunk of chunksOf(incoming)) {
      digests.add(chunk);
      if (digests.size() > MOST_BYTES) throw imageErrors.ImageFileTooBig({ uuid: incoming.uuid, limit: MOST_BYTES });
      await writeAll(file, chunk);
    }
    const stored = digests.end();
    requireAsSaid(incoming, stored);
    await file.sync();
    return stored;
  } catch (error) {
    if (isSystemError(error, 'ENOSPC', 'EDQUOT')) throw imageErrors.StorageIsFull({ size: incoming.size ?? 0 }, { cause: error });
    throw error;
  } finally {
    await file.close();
  }
}

async function requireRoom({ uuid, size }: Incoming, directory: string): Promise<void> {
  if (size === undefined) return;
  if (size === 0) throw imageErrors.Upload({ uuid, reason: 'it is empty' });
  if (size > MOST_BYTES) throw imageErrors.ImageFileTooBig({ uuid, limit: MOST_BYTES });
  const { bavail, bsize } = await statfs(directory);
  if (size > bavail * bsize - RESERVE) throw imageErrors.StorageIsFull({ size });
}

async function* chunksOf({ uuid, stream, rate = MINIMUM_RATE }: Incoming): AsyncGenerator<Buffer> {
  const tooSlow = (least: MinimumRate): Error => imageErrors.Upload({ uuid, reason: `it comes too slowly: less than ${least.bytes} bytes in ${least.seconds} seconds` });
  try {
    yield* chunksAtRate(stream, rate, tooSlow);
  } catch (error) {
    if (isSystemError(error, 'ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE')) throw imageErrors.Upload({ uuid, reason: 'the connection ended in the middle of it' }, { cause: error });
    throw error;
  }
}

function requireAsSaid({ uuid, size, sha1 }: Incoming, stored: StoredFile): void {
  if (stored.size === 0) throw imageErrors.Upload({ uuid, reason: 'it is empty' });
  if (size !== undefined && size !== stored.size) throw imageErrors.Upload({ uuid, reason: `its size was said to be ${size}, and ${stored.size} bytes came` });
  if (sha1 !== undefined && sha1 !== stored.sha1) throw imageErrors.Upload({ uuid, reason: `its sha1 was said to be ${sha1}, and it is ${stored.sha1}` });
}

async function digestsOf(path: string): Promise<StoredFile> {
  const digests = newDigests();
  const file = await open(path, 'r');
  try {
    for await (const chunk of createReadStream('', { fd: file, start: 0, autoClose: false, highWaterMark: 1024 * 1024 })) digests.add(chunk as Buffer);
    await file.sync();
  } finally {
    await file.close();
  }
  return digests.end();
}

function newDigests() {
  const [sha1, sha256, md5] = [createHash('sha1'), createHash('sha256'), createHash('md5')];
  let length = 0;
  return {
    add(chunk: Buffer): void {
      length += chunk.length;
      for (const hash of [sha1, sha256, md5]) hash.update(chunk);
    },
    size: () => length,
    end: (): StoredFile => ({ size: length, sha1: sha1.digest('hex'), sha256: sha256.digest('hex'), md5: md5.digest('base64') }),
  };
}

async function writeAll(file: FileHandle, chunk: Buffer): Promise<void> {
  for (let done = 0; done < chunk.length; ) done += (await file.write(chunk, done)).bytesWritten;
}

function checked(sha256: string): string {
  if (!SHA256.test(sha256)) throw new Error(`not a sha256: ${sha256}`);
  return sha256;
}
