import type { Node } from '../../host/config/node-config.ts';
import { dataset, type Dataset } from '../../host/config/units.ts';
import { listOrigins } from '../../host/zfs/zfs.ts';
import { imgadmErrors } from '../errors.ts';
import { FINAL, imageDataset, shiftedParent } from './names.ts';

/**
 * Datasets that stand on each image, by the image's uuid: instances, be they cloned from the image or from a shifted
 * clone of it, and incremental images. The shifted clones themselves do not count.
 */
export async function allDependents(node: Node): Promise<ReadonlyMap<string, Dataset[]>> {
  const dependents = new Map<string, Dataset[]>();
  const cachesAt = `${shiftedParent(node)}/`;
  for (const { name, origin } of await listOrigins(dataset(node.pool))) {
    if (name.startsWith(cachesAt)) continue;
    const uuid = imageIn(origin, node, cachesAt);
    if (uuid !== undefined) dependents.set(uuid, [...(dependents.get(uuid) ?? []), name]);
  }
  return dependents;
}

/** Datasets that stand on one image. */
export async function dependentsOf(node: Node, uuid: string): Promise<Dataset[]> {
  return (await allDependents(node)).get(uuid) ?? [];
}

/** The error that an image still carries something; it names one and counts the rest. */
export function hasDependents(uuid: string, clones: readonly Dataset[]): Error {
  const others = clones.length > 1 ? ` and ${clones.length - 1} other${clones.length > 2 ? 's' : ''}...` : '';
  return imgadmErrors.ImageHasDependentClones({ uuid, clones: `${clones[0] ?? ''}${others}` });
}

const UUID_LENGTH = 36;

function imageIn(origin: string, node: Node, cachesAt: string): string | undefined {
  if (!origin.endsWith(`@${FINAL}`)) return undefined;
  if (origin.startsWith(cachesAt)) return origin.slice(cachesAt.length, cachesAt.length + UUID_LENGTH);
  const name = origin.slice(node.pool.length + 1, -FINAL.length - 1);
  return name.includes('/') || `${imageDataset(node, name)}@${FINAL}` !== origin ? undefined : name;
}
