import { join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import { dataset, type Dataset } from '../../host/config/units.ts';

/** The snapshot of an image that instances are cloned from. */
export const FINAL = 'final';

/** The user property that makes a dataset an image. */
export const IMAGE_PROPERTY = 'zonewright:image';

/** The user property with the id of the operation that made a dataset. */
export const OPERATION_PROPERTY = 'zonewright:op';

/** `<pool>/<uuid>` */
export function imageDataset(node: Node, uuid: string): Dataset {
  return dataset(node.pool, uuid);
}

/** `<pool>/<uuid>-partial`, where an image is while it is being made. */
export function partialDataset(node: Node, uuid: string): Dataset {
  return dataset(node.pool, `${uuid}-partial`);
}

/** `<pool>/<uuid>-source`, where the file of a disk is while it is being converted. */
export function sourceDataset(node: Node, uuid: string): Dataset {
  return dataset(node.pool, `${uuid}-source`);
}

/** `<pool>/shifted`, below which lie the clones of images with shifted ids. */
export function shiftedParent(node: Node): Dataset {
  return dataset(node.pool, 'shifted');
}

/** `<pool>/shifted/<uuid>-<first id>` */
export function shiftedDataset(node: Node, uuid: string, firstId: number): Dataset {
  return dataset(node.pool, 'shifted', `${uuid}-${firstId}`);
}

/** Where a dataset of the node's pool is mounted when it is. */
export function mountpointOf(node: Node, name: Dataset): string {
  return join(node.mountpoint, ...name.split('/').slice(1));
}

/** Where an image's record lies. */
export function recordPath(node: Node, uuid: string): string {
  return join(node.paths.images, `${uuid}.json`);
}

/** The name of the lock under which an image is installed or deleted; its scope is `node.paths.config`. */
export function imageLock(uuid: string): string {
  return `image:${uuid}`;
}

/** The lock under which a shifted clone is made and destroyed. @param name its last component, with or without `-partial` */
export function shiftedLock(node: Node, name: string): { readonly scope: string; readonly name: string } {
  return { scope: node.paths.config, name: `shifted:${name.replace(/-partial$/, '')}` };
}
