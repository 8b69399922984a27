/**
 * Import of an image with what it stands on (reference §1.5): found in the sources, each missing ancestor fetched,
 * verified and installed, base first. The locks of all images of the chain, and of the installed one that it stands on,
 * are held until the last is there, so that nobody deletes one under another, and whoever wants one of them meanwhile
 * waits and finds it installed.
 */
import { join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import { hostErrors } from '../../host/errors/host-errors.ts';
import type { Lock } from '../../host/lock/lock.ts';
import type { MinimumRate } from '../../host/transfer/minimum-rate.ts';
import { imgadmErrors } from '../errors.ts';
import type { ImageManifest } from '../manifest/manifest.ts';
import { findInSources, withSources, type FoundImage, type SourcesOptions } from '../sources/all.ts';
import type { Imgapi } from '../sources/imgapi.ts';
import type { ImageSource } from '../sources/source.ts';
import { installVerified, requireFree, requireKnownType } from '../store/install.ts';
import { getImage, isInstalled, type KnownImage } from '../store/installed.ts';
import { lockImage } from '../store/lock-image.ts';
import type { PerformerOptions } from '../store/performer.ts';
import { requirePlatform } from '../store/require-platform.ts';
import { spaceForImage } from '../store/space.ts';
import { missingAncestry } from './ancestry.ts';
import { downloadImage } from './download.ts';

export interface ImportOptions extends PerformerOptions, SourcesOptions {
  readonly uuid: string;
  readonly onProgress?: (progress: ImportProgress) => void;
  /** For tests: what a source has to keep up, and how long to wait before asking it again. */
  readonly rate?: MinimumRate;
  readonly pauseMs?: number;
}

export type ImportProgress =
  | { readonly what: 'importing'; readonly manifest: ImageManifest; readonly source: ImageSource }
  | { readonly what: 'gathering' | 'waiting' | 'ancestorInstalled'; readonly uuid: string }
  /** `size` in bytes, undefined when a manifest does not say. */
  | { readonly what: 'planned'; readonly count: number; readonly size: number | undefined }
  | { readonly what: 'downloading'; readonly uuid: string; readonly received: number; readonly size: number }
  | { readonly what: 'downloaded'; readonly uuid: string; readonly size: number }
  | { readonly what: 'imported'; readonly manifest: ImageManifest }
  | { readonly what: 'note'; readonly text: string };

export interface ImportResult {
  readonly manifest: KnownImage['manifest'];
  /** `meanwhile`: somebody else imported it while we waited for the lock. */
  readonly outcome: 'imported' | 'already' | 'meanwhile';
}

/**
 * Import an image that is not installed yet.
 * @throws NoSources, ActiveImageNotFound, OriginNotFoundInSource, MinPlatform, MaxPlatform, NotSupported, DownloadError,
 * DownloadInterrupted, ClientError and what sources answer, and what installing throws
 */
export async function importImage(node: Node, options: ImportOptions): Promise<ImportResult> {
  const { uuid } = options;
  if (await isInstalled(node, uuid)) return { manifest: await knownManifest(node, uuid), outcome: 'already' };
  return unlessInterrupted(options, () =>
    withSources(node, options, async (apis) => {
      const found = await findInSources(apis, uuid, { active: true, signal: options.signal });
      if (!found) throw imgadmErrors.ActiveImageNotFound({ uuid });
      return importFound(node, found, options);
    }),
  );
}

async function importFound(node: Node, found: FoundImage, options: ImportOptions): Promise<ImportResult> {
  const { uuid, onProgress } = options;
  onProgress?.({ what: 'importing', manifest: found.manifest, source: found.api.source });
  onProgress?.({ what: 'gathering', uuid });
  const standsOn: string[] = [];
  const chain = await missingAncestry(found, {
    isInstalled: (origin) => isInstalled(node, origin),
    onInstalled: (origin) => {
      standsOn.push(origin);
      onProgress?.({ what: 'ancestorInstalled', uuid: origin });
    },
    signal: options.signal,
  });
  for (const manifest of chain) requireKnownType(manifest);
  for (const manifest of chain) requirePlatform(manifest);
  return withLocks(node, [...standsOn, ...chain.map((manifest) => manifest.uuid)], options, async (locks) => {
    const missing = await notInstalled(node, chain);
    if (missing.length === 0 || missing.at(-1)?.uuid !== uuid) return { manifest: found.manifest, outcome: 'meanwhile' };
    const size = totalSize(missing);
    onProgress?.({ what: 'planned', count: missing.length, size });
    if (size !== undefined) await spaceForImage(node, size);
    for (const manifest of missing) await fetchAndInstall(node, { manifest, api: found.api, lock: lockOf(locks, manifest) }, options);
    return { manifest: found.manifest, outcome: 'imported' };
  });
}

interface Fetched {
  readonly manifest: ImageManifest;
  readonly api: Imgapi;
  readonly lock: Lock;
}

async function fetchAndInstall(node: Node, { manifest, api, lock }: Fetched, options: ImportOptions): Promise<void> {
  const { uuid } = manifest;
  await requireFree(node, manifest);
  const { onProgress, signal, rate, pauseMs } = options;
  const download = await downloadImage(api, manifest, {
    directory: downloadDirectory(node),
    signal,
    ...(rate ? { rate } : {}),
    ...(pauseMs === undefined ? {} : { pauseMs }),
    onProgress: (received, size) => onProgress?.({ what: 'downloading', uuid, received, size }),
  });
  try {
    onProgress?.({ what: 'downloaded', uuid, size: (await download.file.stat()).size });
    await installVerified(node, { manifest, file: download.file, lock, source: api.source.url }, options);
  } catch (error) {
    // What did not install now would not the next time either, unless somebody stopped it.
    await (signal?.aborted ? download.keep() : download.discard());
    throw error;
  }
  await download.discard();
  onProgress?.({ what: 'imported', manifest });
}

/** Where files are before they are whole. No dataset can have that name. */
export function downloadDirectory(node: Node): string {
  return join(node.mountpoint, '.downloads');
}

/** Take the locks of a chain, base first as everybody does, so that no two wait for each other. */
async function withLocks<Result>(node: Node, uuids: readonly string[], options: ImportOptions, work: (locks: ReadonlyMap<string, Lock>) => Promise<Result>): Promise<Result> {
  const locks = new Map<string, Lock>();
  try {
    for (const uuid of uuids) {
      const { lock } = await lockImage(node, uuid, { signal: options.signal, onWaiting: () => options.onProgress?.({ what: 'waiting', uuid }) });
      locks.set(uuid, lock);
    }
    return await work(locks);
  } finally {
    await Promise.all([...locks.values()].map((lock) => lock.release()));
  }
}

function lockOf(locks: ReadonlyMap<string, Lock>, { uuid }: ImageManifest): Lock {
  const lock = locks.get(uuid);
  if (!lock) throw new Error(`the lock of image ${uuid} is not held`);
  return lock;
}

async function notInstalled(node: Node, chain: readonly ImageManifest[]): Promise<ImageManifest[]> {
  const installed = await Promise.all(chain.map(({ uuid }) => isInstalled(node, uuid)));
  return chain.filter((_, index) => !installed[index]);
}

function totalSize(manifests: readonly ImageManifest[]): number | undefined {
  return manifests.reduce<number | undefined>((sum, { files }) => (sum === undefined || files?.[0]?.size === undefined ? undefined : sum + files[0].size), 0);
}

async function knownManifest(node: Node, uuid: string): Promise<KnownImage['manifest']> {
  return (await getImage(node, uuid, () => undefined)).manifest;
}

/** Whatever an interruption makes fail, it was the interruption. */
async function unlessInterrupted<Result>({ signal }: ImportOptions, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const own = error instanceof Error && 'exitStatus' in error && error.exitStatus === 130;
    if (!signal?.aborted || own) throw error;
    throw hostErrors.OperationInterrupted({ verb: 'image import', step: 'ask the image sources' }, { cause: error });
  }
}
