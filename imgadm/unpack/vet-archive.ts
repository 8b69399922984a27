import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, pack, type Pack } from 'tar-stream';
import { ZonewrightError } from '../../host/errors/errors.ts';
import { imgadmErrors } from '../errors.ts';
import { vetEntry, type RawEntry, type Seen, type VettedEntry } from './vet-entry.ts';

/** How much an archive may make of itself. */
export interface ArchiveLimits {
  /** Bytes of all files together. */
  readonly maxBytes: number;
  readonly maxEntries: number;
  /** Size of the file that the archive comes from, against which its expansion is measured. */
  readonly fileSize: number;
}

/** An owner inside the guest: ids from 0 to 65535. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** An archive that is being vetted. */
export interface VettedArchive {
  /** A new archive with only what passed, every entry owned by 0. */
  readonly stream: Readable;
  /** Owners of the entries that do not belong to 0:0, by path. Complete when the stream has ended. */
  readonly owners: ReadonlyMap<string, Owner>;
  /** What was left out or changed, in words. Complete when the stream has ended. */
  notes(): string[];
  /** Settles when all was vetted. @throws UnsafeArchive, ImageTooBig, ImageFileInvalid */
  readonly finished: Promise<void>;
}

/**
 * Vet an archive while it streams through. What comes out is written anew from what was understood, so that no two
 * programs can read it differently.
 */
export function vetArchive(raw: Readable, limits: ArchiveLimits): VettedArchive {
  const packer = pack();
  const owners = new Map<string, Owner>();
  const dropped = { attributes: 0, ids: 0 };
  const stream = Readable.from(packer as AsyncIterable<Buffer>, { objectMode: false, highWaterMark: 256 * 1024 });
  const finished = passEntries(raw, packer, limits, owners, dropped).catch((error: unknown) => {
    const failure = error instanceof ZonewrightError ? error : imgadmErrors.ImageFileInvalid({ reason: `it is not a whole tar archive: ${(error as Error).message}` }, { cause: error });
    stream.destroy(failure);
    packer.destroy(failure);
    throw failure;
  });
  finished.catch(() => undefined);
  packer.on('error', () => undefined);
  stream.on('error', () => undefined);
  return { stream, owners, finished, notes: () => notesOf(dropped) };
}

const NOBODY = 65_534;
const MAX_RATIO = 200;
const RATIO_COUNTS_FROM = 1024 ** 3;

interface Dropped {
  attributes: number;
  ids: number;
}

async function passEntries(raw: Readable, packer: Pack, limits: ArchiveLimits, owners: Map<string, Owner>, dropped: Dropped): Promise<void> {
  const extractor = extract({ allowUnknownFormat: true } as Parameters<typeof extract>[0]);
  const feeding = pipeline(raw, expansionGuard(limits), extractor);
  feeding.catch((error: unknown) => extractor.destroy(error as Error));
  const seen: Seen = new Map();
  let entries = 0;
  let bytes = 0;
  for await (const body of extractor) {
    const header = body.header as RawEntry;
    const entry = vetEntry(header, seen);
    entries++;
    bytes += entry.size;
    if (entries > limits.maxEntries || seen.size > 2 * limits.maxEntries) throw imgadmErrors.ImageTooBig({ reason: `it holds more than ${limits.maxEntries} entries` });
    if (bytes > limits.maxBytes) throw imgadmErrors.ImageTooBig({ reason: `it unpacks to more than ${limits.maxBytes} bytes` });
    if (Object.keys(header.pax ?? {}).some((key) => key.startsWith('SCHILY.xattr.') || key.startsWith('LIBARCHIVE.xattr.'))) dropped.attributes++;
    rememberOwner(entry, owners, dropped);
    await passEntry(packer, entry, body as AsyncIterable<Buffer>);
  }
  await feeding;
  if (entries === 0) throw imgadmErrors.ImageFileInvalid({ reason: 'the archive is empty' });
  packer.finalize();
}

async function passEntry(packer: Pack, entry: VettedEntry, body: AsyncIterable<Buffer>): Promise<void> {
  const name = entry.path === '' ? './' : `./${entry.path}`;
  const linkname = entry.type === 'link' ? `./${entry.target}` : entry.target;
  const header = { name, type: entry.type, linkname, size: entry.size, mode: entry.mode, uid: 0, gid: 0, mtime: new Date(entry.seconds * 1000) };
  const sink = packer.entry(header);
  if (entry.type !== 'file') {
    for await (const _ of body) throw imgadmErrors.UnsafeArchive({ entry: entry.path, reason: 'it has content although it is not a file' });
    return;
  }
  sink.on('error', () => undefined);
  for await (const chunk of body) {
    if (!sink.write(chunk)) await drained(sink);
    if (sink.destroyed) throw new Error('nobody reads it any more');
  }
  sink.end(undefined);
}

function drained(sink: ReturnType<Pack['entry']>): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      sink.off('drain', done);
      sink.off('close', done);
      resolve();
    };
    sink.on('drain', done);
    sink.on('close', done);
  });
}

function rememberOwner(entry: VettedEntry, owners: Map<string, Owner>, dropped: Dropped): void {
  // All names of a hard link have one owner, and the walk that sets it may meet any of them first.
  const owner = entry.type === 'link' ? (owners.get(entry.target) ?? { uid: 0, gid: 0 }) : ownerOf(entry, dropped);
  if (owner.uid !== 0 || owner.gid !== 0) owners.set(entry.path, owner);
  else owners.delete(entry.path);
}

function ownerOf(entry: VettedEntry, dropped: Dropped): Owner {
  if (entry.uid > 65_535 || entry.gid > 65_535) dropped.ids++;
  return { uid: entry.uid > 65_535 ? NOBODY : entry.uid, gid: entry.gid > 65_535 ? NOBODY : entry.gid };
}

function expansionGuard(limits: ArchiveLimits): Transform {
  let bytes = 0;
  return new Transform({
    highWaterMark: 256 * 1024,
    transform(chunk: Buffer, _, done) {
      bytes += chunk.length;
      const tooMuch = bytes > RATIO_COUNTS_FROM && bytes > MAX_RATIO * limits.fileSize;
      done(tooMuch ? imgadmErrors.ImageTooBig({ reason: `it expands to more than ${MAX_RATIO} times its size` }) : null, chunk);
    },
  });
}

function notesOf(dropped: Dropped): string[] {
  return [
    ...(dropped.attributes > 0 ? [`extended attributes were dropped; entries that had some: ${dropped.attributes}`] : []),
    ...(dropped.ids > 0 ? [`ids above 65535 became nobody; entries that had some: ${dropped.ids}`] : []),
  ];
}
