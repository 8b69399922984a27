import type { Node } from '../../host/config/node-config.ts';
import { dataset, isUuid, type Dataset } from '../../host/config/units.ts';
import { getProperties, listChildren } from '../../host/zfs/zfs.ts';
import { imgadmErrors } from '../errors.ts';
import type { ImageManifest } from '../manifest/manifest.ts';
import { allDependents } from './dependents.ts';
import { IMAGE_PROPERTY, imageDataset } from './names.ts';
import { readRecord } from './record.ts';

/** An image as ZFS has it, with what is known of it. Without a record the manifest is its uuid alone. */
export interface KnownImage {
  readonly manifest: ImageManifest | { readonly uuid: string };
  readonly zpool: string;
  readonly source?: string | undefined;
}

export interface ListedImage extends KnownImage {
  readonly clones: readonly Dataset[];
}

/** All images of the pool. @param onWarning told about records that cannot be read. */
export async function listImages(node: Node, onWarning: (text: string) => void): Promise<ListedImage[]> {
  const [children, dependents] = await Promise.all([listChildren(dataset(node.pool), 'name', IMAGE_PROPERTY), allDependents(node)]);
  const uuids = children.filter((child) => child[IMAGE_PROPERTY] === 'true').map((child) => child.name.slice(node.pool.length + 1));
  return Promise.all(uuids.filter(isUuid).map(async (uuid) => ({ ...(await knownImage(node, uuid, onWarning)), clones: dependents.get(uuid) ?? [] })));
}

/** One image. @throws ImageNotInstalled */
export async function getImage(node: Node, uuid: string, onWarning: (text: string) => void): Promise<KnownImage> {
  if (!(await isInstalled(node, uuid))) throw imgadmErrors.ImageNotInstalled({ uuid, zpool: node.pool });
  return knownImage(node, uuid, onWarning);
}

/** Whether ZFS has the image. */
export async function isInstalled(node: Node, uuid: string): Promise<boolean> {
  return (await getProperties(imageDataset(node, uuid), IMAGE_PROPERTY))?.[IMAGE_PROPERTY] === 'true';
}

async function knownImage(node: Node, uuid: string, onWarning: (text: string) => void): Promise<KnownImage> {
  try {
    const record = await readRecord(node, uuid);
    if (record) return { manifest: record.manifest, zpool: record.zpool, source: record.source };
  } catch (error) {
    onWarning((error as Error).message);
  }
  return { manifest: { uuid }, zpool: node.pool };
}
