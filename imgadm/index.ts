/** What vmadm, the agent and recovery know of images. Nothing else of imgadm is theirs to import. */
import type { Node } from '../host/config/node-config.ts';
import { isUuid } from '../host/config/units.ts';
import type { ImageManifest } from './manifest/manifest.ts';
import type { AncestryOptions } from './import/ancestry.ts';
import type { Download, DownloadOptions } from './import/download.ts';
import type { ImportOptions, ImportResult } from './import/import.ts';
import type { ManifestProblem } from './manifest/validate.ts';
import type { FoundImage } from './sources/all.ts';
import type { Imgapi } from './sources/imgapi.ts';
import type { ImageSource } from './sources/source.ts';
import { readRecord, type InstalledImage } from './store/record.ts';

export type { ImageContext } from './store/context.ts';
export type { ImageManifest, ImageType } from './manifest/manifest.ts';
export type { InstalledImage } from './store/record.ts';
export type { ImportOptions, ImportProgress, ImportResult } from './import/import.ts';
export type { ImageSource, TlsFiles, TlsIdentity } from './sources/source.ts';
export type { Download, DownloadOptions } from './import/download.ts';
export type { Imgapi } from './sources/imgapi.ts';
export type { ManifestProblem } from './manifest/validate.ts';
export type { CloneOrigin } from './store/shifted.ts';
export { ensureOriginFor, withOriginFor } from './store/shifted.ts';
export { imageStepKinds } from './store/steps.ts';

/**
 * An installed image by its uuid, from its record alone: no program is started, so ZFS is not asked whether the dataset
 * is still there.
 * @throws InvalidManifest when its record is damaged.
 */
export async function findImage(node: Node, uuid: string): Promise<InstalledImage | undefined> {
  return isUuid(uuid) ? readRecord(node, uuid) : undefined;
}

/**
 * Have an image on this node, with all that it stands on: nothing is done when it is there, else it is imported from
 * `options.sources` or the node's own. Whoever wants the same image at the same time, in this process or another, waits
 * for the one import.
 * @throws what `importImage` throws
 */
export async function ensureImage(node: Node, options: ImportOptions): Promise<ImportResult> {
  return (await import('./import/import.ts')).importImage(node, options);
}

/** Make a source the first that this node asks, as a node does with its head node. @throws InvalidArgument, ConfigError */
export async function preferImageSource(node: Node, source: ImageSource): Promise<void> {
  const [{ preferSource }, { normalUrl }] = await Promise.all([import('./sources/config.ts'), import('./sources/source.ts')]);
  await preferSource(node, { ...source, url: normalUrl(source.url) });
}

/**
 * Hold a manifest to the rules that every entry of images has; one of the first generation is brought to the second.
 * @throws InvalidManifest on what is no manifest at all
 */
export async function judgeManifest(value: unknown): Promise<{ readonly manifest: ImageManifest } | { readonly problems: readonly ManifestProblem[] }> {
  return (await import('./manifest/validate.ts')).judgeManifest(value);
}

/** Open an image server for requests. @throws InvalidArgument on what is no URL, ConfigError when files of our identity cannot be read */
export async function openImageServer(source: ImageSource, options: { readonly requestId?: string } = {}): Promise<Imgapi> {
  const [{ openImgapi }, { normalUrl }] = await Promise.all([import('./sources/imgapi.ts'), import('./sources/source.ts')]);
  return openImgapi({ ...source, url: normalUrl(source.url) }, options);
}

/** An image of a server and those that it stands on and that are not here, base first. @throws OriginNotFoundInSource, InvalidManifest */
export async function missingImages(found: FoundImage, options: AncestryOptions): Promise<ImageManifest[]> {
  return (await import('./import/ancestry.ts')).missingAncestry(found, options);
}

/** Fetch an image's file: verified, resumable, in constant memory. @throws DownloadError, DownloadInterrupted, ClientError */
export async function downloadImage(api: Imgapi, manifest: ImageManifest, options: DownloadOptions): Promise<Download> {
  return (await import('./import/download.ts')).downloadImage(api, manifest, options);
}
