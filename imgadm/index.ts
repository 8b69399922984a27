/** What vmadm, the agent and recovery know of images. Nothing else of imgadm is theirs to import. */
import type { Node } from '../host/config/node-config.ts';
import { isUuid } from '../host/config/units.ts';
import { readRecord, type InstalledImage } from './store/record.ts';

export type { ImageContext } from './store/context.ts';
export type { ImageManifest, ImageType } from './manifest/manifest.ts';
export type { InstalledImage } from './store/record.ts';
export type { CloneOrigin } from './store/shifted.ts';
export { ensureOriginFor } from './store/shifted.ts';
export { imageStepKinds } from './store/steps.ts';

/**
 * An installed image by its uuid, from its record alone: no program is started, so ZFS is not asked whether the dataset
 * is still there.
 * @throws InvalidManifest when its record is damaged.
 */
export async function findImage(node: Node, uuid: string): Promise<InstalledImage | undefined> {
  return isUuid(uuid) ? readRecord(node, uuid) : undefined;
}
