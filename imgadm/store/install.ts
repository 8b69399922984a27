import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, type FileHandle } from 'node:fs/promises';
import { isSystemError } from '../../host/errors/errors.ts';
import type { Node } from '../../host/config/node-config.ts';
import { performPlan } from '../../host/journal/perform.ts';
import type { Lock } from '../../host/lock/lock.ts';
import { datasetExists } from '../../host/zfs/zfs.ts';
import { imgadmErrors } from '../errors.ts';
import type { ImageManifest } from '../manifest/manifest.ts';
import { parseManifest } from '../manifest/validate.ts';
import { sniffContent } from '../unpack/content.ts';
import { completeDisk } from './complete-disk.ts';
import { installPlan } from './install-plan.ts';
import { isInstalled } from './installed.ts';
import { lockImage } from './lock-image.ts';
import { imageDataset } from './names.ts';
import { imagePerformer, type PerformerOptions } from './performer.ts';
import { requireFitting } from './require-fitting.ts';
import { requirePlatform } from './require-platform.ts';
import { spaceForImage } from './space.ts';
import { unpackId } from './steps-install.ts';

export interface InstallOptions extends PerformerOptions {
  readonly manifestPath: string;
  readonly filePath: string;
  /** Bytes that the image may unpack to; what the pool has, unless given. */
  readonly maxBytes?: number;
  readonly maxEntries?: number;
  readonly onProgress?: (progress: InstallProgress) => void;
}

export type InstallProgress =
  | { readonly what: 'installing'; readonly manifest: ImageManifest }
  | { readonly what: 'waiting'; readonly manifest: ImageManifest }
  | { readonly what: 'note'; readonly text: string };

export interface InstallResult {
  readonly manifest: ImageManifest;
  /** `meanwhile`: somebody else installed it while we waited for the lock. */
  readonly outcome: 'installed' | 'already' | 'meanwhile';
}

const MAX_ENTRIES = 1_000_000;

/**
 * Install an image from a manifest and a file (reference §1.5). The file is verified before anything is made, and what
 * is made has another name until it is whole.
 * @throws InvalidManifest, ManifestValidation, NotSupported, OriginNotInstalled, ImageUuidAlreadyExists, DownloadError,
 * InsufficientSpace, and what unpacking throws.
 */
export async function installImage(node: Node, options: InstallOptions): Promise<InstallResult> {
  const manifest = await readManifest(options.manifestPath);
  requireKnownType(manifest);
  if (await isInstalled(node, manifest.uuid)) return { manifest, outcome: 'already' };
  const file = await openFile(options.filePath);
  try {
    const { lock, waited } = await lockImage(node, manifest.uuid, { signal: options.signal, onWaiting: () => options.onProgress?.({ what: 'waiting', manifest }) });
    try {
      if (await isInstalled(node, manifest.uuid)) return { manifest, outcome: waited ? 'meanwhile' : 'already' };
      await installLocked(node, manifest, file, lock, options);
      return { manifest, outcome: 'installed' };
    } finally {
      await lock.release();
    }
  } finally {
    await file.close();
  }
}

async function installLocked(node: Node, manifest: ImageManifest, file: FileHandle, lock: Lock, options: InstallOptions): Promise<void> {
  await requireFree(node, manifest);
  requirePlatform(manifest);
  options.onProgress?.({ what: 'installing', manifest });
  await verifyFile(file, (await file.stat()).size, manifest, options.filePath);
  await installVerified(node, { manifest, file, lock }, options);
}

export interface VerifiedImage {
  readonly manifest: ImageManifest;
  /** Its content is what the manifest says. */
  readonly file: FileHandle;
  /** The image's lock, held. */
  readonly lock: Lock;
  /** The URL of the source that it came from; none for a file. */
  readonly source?: string;
}

export interface UnpackOptions extends PerformerOptions {
  readonly maxBytes?: number;
  readonly maxEntries?: number;
  readonly onProgress?: (progress: { readonly what: 'note'; readonly text: string }) => void;
}

/** Make an image out of a file that was verified. @throws what unpacking throws, NotSupported, InsufficientSpace */
export async function installVerified(node: Node, { manifest, file, lock, source }: VerifiedImage, options: UnpackOptions): Promise<void> {
  const { size } = await file.stat();
  const context = { node, imageFile: file, onNote: (text: string) => options.onProgress?.({ what: 'note', text }) };
  const content = await sniffContent(file, await unpackId(context));
  requireFitting(node, manifest, content);
  const usable = await spaceForImage(node, size);
  const complete = manifest.type === 'zvol' ? await completeDisk(context, manifest, content, options.signal) : manifest;
  const limits = { maxBytes: Math.min(options.maxBytes ?? usable, usable), maxEntries: options.maxEntries ?? MAX_ENTRIES, fileSize: size };
  await performPlan(installPlan({ manifest: complete, content, quota: usable, limits, source }), lock, imagePerformer(context, options));
}

async function readManifest(path: string): Promise<ImageManifest> {
  const manifest = parseManifest(await readFile(path, 'utf8').catch((error: unknown) => Promise.reject(cannotRead(path, error))));
  return { ...manifest, published_at: manifest.published_at ?? new Date().toISOString() };
}

async function openFile(path: string): Promise<FileHandle> {
  const file = await open(path, 'r').catch((error: unknown) => Promise.reject(cannotRead(path, error)));
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw imgadmErrors.FileSystem({ path, reason: 'it is not a regular file' });
}

function cannotRead(path: string, error: unknown): unknown {
  if (!isSystemError(error, 'ENOENT', 'EACCES', 'EISDIR', 'ENOTDIR', 'ELOOP')) return error;
  return imgadmErrors.FileSystem({ path, reason: error.code === 'ENOENT' ? 'there is no such file' : String(error.code) }, { cause: error });
}

/** @throws NotSupported for types that nothing here can make use of. */
export function requireKnownType(manifest: ImageManifest): void {
  if (manifest.type === 'lxd') throw imgadmErrors.NotSupported({ what: 'installing an image of type "lxd"' });
}

/** @throws ImageUuidAlreadyExists when something else has its name, OriginNotInstalled */
export async function requireFree(node: Node, manifest: ImageManifest): Promise<void> {
  const name = imageDataset(node, manifest.uuid);
  if (await datasetExists(name)) throw imgadmErrors.ImageUuidAlreadyExists({ uuid: manifest.uuid, dataset: name });
  if (manifest.origin !== undefined && !(await isInstalled(node, manifest.origin))) {
    throw imgadmErrors.OriginNotInstalled({ uuid: manifest.origin, zpool: node.pool });
  }
}

async function verifyFile(file: FileHandle, size: number, manifest: ImageManifest, path: string): Promise<void> {
  const [expected] = manifest.files ?? [];
  if (expected?.size !== undefined && expected.size !== size) throw mismatch('size', path, expected.size, size);
  for (const algorithm of ['sha1', 'sha256'] as const) {
    const digest = expected?.[algorithm];
    if (digest === undefined) continue;
    const actual = await digestOf(file, algorithm);
    if (actual !== digest) throw mismatch(algorithm, path, digest, actual);
  }
}

function mismatch(what: string, path: string, expected: string | number, actual: string | number): Error {
  return imgadmErrors.DownloadError({ reason: `${what} of "${path}" does not match the manifest: expected ${expected}, got ${actual}` });
}

async function digestOf(file: FileHandle, algorithm: string): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream('', { fd: file, start: 0, autoClose: false, highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
