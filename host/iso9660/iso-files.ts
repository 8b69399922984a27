/**
 * Files of an ISO 9660 file system, read without mounting it: the kernel does not interpret what nobody vouches for. Names are Rock
 * Ridge's where it has them. Everything that the image says of itself is checked against its size, and directories are bounded.
 */
import { createReadStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { hostErrors } from '../errors/host-errors.ts';

export interface IsoEntry {
  readonly name: string;
  readonly isDirectory: boolean;
  readonly size: number;
  /** Where its content begins, in bytes. */
  readonly offset: number;
}

const SECTOR = 2048;
const VOLUME_DESCRIPTOR = 16 * SECTOR;
const ROOT_RECORD = 156;
const MOST_DIRECTORY_BYTES = 1024 * 1024;

/** Entries of a directory of an ISO image (a file, or a device with such a disc). @param path `/`, `/platform` … @throws IsoUnreadable */
export async function listIso(image: string, path: string): Promise<IsoEntry[]> {
  const file = await open(image, 'r');
  try {
    let entries = await entriesOf(file, await rootOf(file, image), image);
    for (const component of path.split('/').filter((part) => part !== '')) {
      const directory = entries.find(({ name, isDirectory }) => isDirectory && name === component);
      if (!directory) return [];
      entries = await entriesOf(file, directory, image);
    }
    return entries;
  } finally {
    await file.close();
  }
}

/** The content of a file of an image. */
export function readIsoFile(image: string, { offset, size }: IsoEntry): Readable {
  return createReadStream(image, { start: offset, end: offset + Math.max(size, 1) - 1, highWaterMark: 1024 * 1024 });
}

async function rootOf(file: FileHandle, image: string): Promise<IsoEntry> {
  const descriptor = await bytesAt(file, VOLUME_DESCRIPTOR, SECTOR);
  if (descriptor.length < SECTOR || descriptor[0] !== 1 || descriptor.toString('latin1', 1, 6) !== 'CD001') throw hostErrors.IsoUnreadable({ image, reason: 'it is no ISO 9660 image' });
  return recordAt(descriptor, ROOT_RECORD);
}

async function entriesOf(file: FileHandle, directory: IsoEntry, image: string): Promise<IsoEntry[]> {
  if (directory.size > MOST_DIRECTORY_BYTES) throw hostErrors.IsoUnreadable({ image, reason: `a directory of it has ${directory.size} bytes` });
  const bytes = await bytesAt(file, directory.offset, directory.size);
  if (bytes.length < directory.size) throw hostErrors.IsoUnreadable({ image, reason: 'it is cut off' });
  const entries: IsoEntry[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes[at] ?? 0;
    // No record crosses a sector; what is left of one is zeros.
    if (length === 0) {
      at = (Math.floor(at / SECTOR) + 1) * SECTOR;
      continue;
    }
    if (length < 34 || at + length > bytes.length) throw hostErrors.IsoUnreadable({ image, reason: 'a directory of it is damaged' });
    const record = bytes.subarray(at, at + length);
    // The first two are the directory itself and the one above.
    if ((record[32] ?? 0) !== 1 || (record[33] ?? 0) > 1) entries.push(recordAt(record, 0));
    at += length;
  }
  return entries;
}

function recordAt(bytes: Buffer, at: number): IsoEntry {
  const nameLength = bytes[at + 32] ?? 0;
  const plain = bytes.toString('latin1', at + 33, at + 33 + nameLength).replace(/;\d+$/, '').replace(/\.$/, '');
  const rest = bytes.subarray(at + 33 + nameLength + ((nameLength + 1) % 2), at + (bytes[at] ?? 0));
  return {
    name: rockRidgeName(rest) ?? plain,
    isDirectory: ((bytes[at + 25] ?? 0) & 2) !== 0,
    size: bytes.readUInt32LE(at + 10),
    offset: bytes.readUInt32LE(at + 2) * SECTOR,
  };
}

/** The fields `NM` among those that a system adds to a record. */
function rockRidgeName(fields: Buffer): string | undefined {
  let name: string | undefined;
  for (let at = 0; at + 4 <= fields.length; ) {
    const length = fields[at + 2] ?? 0;
    if (length < 4 || at + length > fields.length) break;
    if (fields.toString('latin1', at, at + 2) === 'NM' && length > 5) name = (name ?? '') + fields.toString('utf8', at + 5, at + length);
    at += length;
  }
  return name;
}

async function bytesAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
