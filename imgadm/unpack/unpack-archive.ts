import { chownSync, lstatSync } from 'node:fs';
import { mkdir, type FileHandle } from 'node:fs/promises';
import { isErrorCode } from '../../host/errors/errors.ts';
import { JAIL_TARGET, jailed } from '../../host/jail/jail.ts';
import { run } from '../../host/run/run.ts';
import { imgadmErrors } from '../errors.ts';
import { hasFailedForSpace } from '../store/space.ts';
import { openContent } from './content.ts';
import { setOwners } from './owners.ts';
import { vetArchive, type ArchiveLimits } from './vet-archive.ts';

export interface UnpackOptions {
  readonly file: FileHandle;
  /** The directory to make and fill. */
  readonly root: string;
  /** The host's id that `tar` and the decompressor run as. */
  readonly jailId: number;
  readonly limits: ArchiveLimits;
  readonly zpool: string;
  readonly signal: AbortSignal;
}

/**
 * Unpack a root file system that nobody vouches for: decompressed in a jail, vetted entry by entry, unpacked by GNU tar
 * in a jail that sees only the new root. Owners are set at the end: the id that tar runs as may give files to nobody.
 * @returns what was left out, in words.
 * @throws UnsafeArchive, ImageTooBig, ImageFileInvalid, UncompressionError, InsufficientSpace
 */
export async function unpackArchive(options: UnpackOptions): Promise<string[]> {
  await mkdir(options.root, { mode: 0o755 });
  chownSync(options.root, options.jailId, options.jailId);
  const stop = new AbortController();
  // It may have been interrupted already, and then no event comes any more.
  options.signal.throwIfAborted();
  options.signal.addEventListener('abort', () => stop.abort(), { once: true });
  const content = await openContent(options.file, options.jailId, stop.signal);
  const archive = vetArchive(content.stream, options.limits);
  const unpacking = run(tarCommand(options), { input: archive.stream, signal: stop.signal }).then(() => undefined);
  const abort = (): void => {
    stop.abort();
    archive.stream.destroy();
    content.stream.destroy();
  };
  await settle({ vetting: archive.finished, tar: unpacking, decompressing: content.finished, abort }, options.zpool);
  if (!lstatSync(options.root).isDirectory()) throw new Error(`${options.root} is not a directory after unpacking`);
  await setOwners(options.root, (path) => archive.owners.get(path) ?? ROOT);
  return archive.notes();
}

const ROOT = { uid: 0, gid: 0 };

function tarCommand(options: UnpackOptions): [string, ...string[]] {
  return jailed(
    [
      'tar',
      '--extract',
      '--file=-',
      `--directory=${JAIL_TARGET}`,
      '--preserve-permissions',
      '--no-same-owner',
      '--numeric-owner',
      '--delay-directory-restore',
      '--warning=no-timestamp',
      '--no-xattrs',
      '--no-acls',
      '--no-selinux',
    ],
    { id: options.jailId, writable: options.root },
  );
}

interface Pipeline {
  readonly vetting: Promise<void>;
  readonly tar: Promise<void>;
  readonly decompressing: Promise<void>;
  /** End whatever still runs. */
  abort(): void;
}

/** Wait for all parts of a pipeline; when one fails the others are ended and the one is thrown that they all follow from. */
async function settle(pipeline: Pipeline, zpool: string): Promise<void> {
  const parts = [pipeline.vetting, pipeline.tar, pipeline.decompressing];
  for (const part of parts) part.catch(() => setTimeout(() => pipeline.abort(), LAST_WORDS_MS));
  const [vetting, tar, decompressing] = (await Promise.allSettled(parts)).map((one) => (one.status === 'rejected' ? (one.reason as unknown) : undefined));
  if (hasFailedForSpace(tar)) {
    throw imgadmErrors.InsufficientSpace({ zpool, reason: 'it ran full while the image was unpacked' }, { cause: tar });
  }
  // A tar that was cut off only says so; anything else it says is the cause.
  const tarsOwn = tar instanceof Error && !/Unexpected EOF|signal/.test(tar.message) ? tar : undefined;
  const judged = isErrorCode(vetting, 'UnsafeArchive') || isErrorCode(vetting, 'ImageTooBig') ? vetting : undefined;
  for (const failure of [judged, tarsOwn, decompressing, vetting, tar]) if (failure !== undefined) throw failure;
}

/** How long the other parts of a pipeline get to say what was wrong before they are ended. */
const LAST_WORDS_MS = 300;
