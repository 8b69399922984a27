import { imgadmErrors } from '../errors.ts';
import type { ImageManifest } from '../manifest/manifest.ts';
import type { ContentKind } from '../unpack/content.ts';
import { mebibytesOf, measureDisk, sizeMismatch } from '../unpack/write-disk.ts';
import type { ImageContext } from './context.ts';
import { poolCapacity } from './space.ts';
import { unpackId } from './steps-install.ts';

/** What a machine of today has; older manifests had to say so. */
const DRIVERS = { nic_driver: 'virtio', disk_driver: 'virtio', cpu_type: 'host' } as const;

/**
 * The manifest of a disk with everything in it that the manifest may leave out and the file tells. `image_size` is held
 * against the file as far as that can be seen before the disk is written; of a ZFS stream it shows afterwards.
 * @throws ImageFileInvalid when manifest and file do not agree, ImageTooBig when the pool could never hold the disk.
 */
export async function completeDisk(context: ImageContext, manifest: ImageManifest, content: ContentKind, signal?: AbortSignal): Promise<ImageManifest> {
  const stated = manifest.image_size;
  const actual = await sizeOf(context, content, stated, signal);
  if (stated !== undefined && actual !== undefined && actual !== stated) throw sizeMismatch(stated, actual);
  const image_size = actual ?? stated;
  if (image_size === 0) throw imgadmErrors.ImageFileInvalid({ reason: 'its disk is empty' });
  if (image_size !== undefined) await requirePossible(context, image_size);
  return { ...DRIVERS, ...manifest, ...(image_size === undefined ? {} : { image_size }) };
}

/** MiB of the disk; undefined when only its manifest says so by now. */
async function sizeOf(context: ImageContext, content: ContentKind, stated: number | undefined, signal = new AbortController().signal): Promise<number | undefined> {
  if (content.kind === 'qcow2') return mebibytesOf(content.header.virtualSize);
  if (content.kind !== 'raw') return undefined;
  if (content.size !== undefined) return mebibytesOf(content.size);
  if (stated !== undefined || !context.imageFile) return undefined;
  // Nothing tells but the whole content. Seldom enough: what comes from a server or a seed says how large it is.
  return mebibytesOf(await measureDisk({ file: context.imageFile, jailId: await unpackId(context), signal }, await poolCapacity(context.node)));
}

async function requirePossible({ node }: ImageContext, size: number): Promise<void> {
  const capacity = Math.floor((await poolCapacity(node)) / 1024 ** 2);
  if (size > capacity) throw imgadmErrors.ImageTooBig({ reason: `its disk has ${size} MiB, and all of zpool "${node.pool}" has ${capacity}` });
}
