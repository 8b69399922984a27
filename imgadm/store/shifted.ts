/**
 * What instances are cloned from.
 *
 * Where the kernel can map ids at the mount, that is the image itself. Elsewhere the files of a zone must carry the ids
 * of its range on disk, so an image is shifted once for each range and kept as a clone of itself; instances are clones
 * of that clone. Such a cache is made under a name ending in `-partial`, which only its maker, who holds the lock, may
 * touch: whatever has that name when the lock is free is left from a crash.
 */
import { chmod, mkdir } from 'node:fs/promises';
import type { Node } from '../../host/config/node-config.ts';
import { dataset, type Dataset } from '../../host/config/units.ts';
import { withLock } from '../../host/lock/lock.ts';
import { currentOperation, withinOperation } from '../../host/run/operation.ts';
import { cloneDataset, createDataset, datasetExists, destroyDataset, getProperties, renameDataset, snapshotDataset, unmountDataset } from '../../host/zfs/zfs.ts';
import { imgadmErrors } from '../errors.ts';
import { setOwners, shiftedBy } from '../unpack/owners.ts';
import { capabilitiesOf, restoreCapabilities } from '../unpack/file-capabilities.ts';
import { removeMountpoint, whileMounted } from './mount.ts';
import { FINAL, mountpointOf, shiftedDataset, shiftedLock, shiftedParent } from './names.ts';
import type { InstalledImage } from './record.ts';

/** A snapshot to clone. */
export interface CloneOrigin {
  readonly dataset: Dataset;
  readonly snapshot: string;
}

export type Report = (note: string, fraction?: number) => void;

/**
 * What an instance of `image` whose ids begin at `firstId` is cloned from. It is made now if this range has never used
 * the image; that takes about a second for ten thousand files, all later calls one look.
 * @throws ImageUnusable when the image's dataset is not there.
 */
export async function ensureOriginFor(node: Node, image: InstalledImage, firstId: number, report: Report): Promise<CloneOrigin> {
  if (node.idmappedMounts) return { dataset: image.dataset, snapshot: FINAL };
  const uuid = image.manifest.uuid;
  const shifted = shiftedDataset(node, uuid, firstId);
  const origin = { dataset: shifted, snapshot: FINAL };
  if (complete.has(shifted) || (await isComplete(shifted))) return origin;
  await withLock({ ...shiftedLock(node, `${uuid}-${firstId}`), action: 'shift of an image', waitSeconds: 600 }, (lock) => {
    const { id = 'shift', requestId = 'shift', heldDescriptors = [], signal = new AbortController().signal } = currentOperation() ?? {};
    const operation = { id, requestId, heldDescriptors: [...heldDescriptors, lock.descriptor], signal };
    return withinOperation(operation, async () => {
      if (!(await isComplete(shifted))) await makeShifted(node, image, firstId, report);
    });
  });
  return origin;
}

/**
 * Clone what an instance is to stand on. What this process saw complete once it does not look at again: should another
 * process have destroyed it since, it is made anew and cloned then.
 */
export async function withOriginFor(node: Node, image: InstalledImage, { firstId, report }: { readonly firstId: number; readonly report: Report }, clone: (origin: CloneOrigin) => Promise<void>): Promise<void> {
  const origin = await ensureOriginFor(node, image, firstId, report);
  try {
    await clone(origin);
  } catch (error) {
    if (!complete.delete(origin.dataset) || (await isComplete(origin.dataset))) throw error;
    await clone(await ensureOriginFor(node, image, firstId, report));
  }
}

/** Destroy a dataset of ours that may be mounted or left half-made, with its snapshots; none is fine too. */
export async function destroyUnmounted(node: Node, name: Dataset): Promise<void> {
  const found = await getProperties(name, 'mounted');
  if (found) {
    // Volumes cannot be mounted, and some implementations object to the very question.
    if (found.mounted === 'yes') await unmountDataset(name);
    await destroyDataset(name, { recursive: true });
  }
  await removeMountpoint(node, name);
}

/** The name ends in `-partial` until everything is done, so the name alone would do; the snapshot is what will be cloned. */
async function isComplete(shifted: Dataset): Promise<boolean> {
  const found = (await getProperties(`${shifted}@${FINAL}`, 'name')) !== undefined;
  if (found) complete.add(shifted);
  else complete.delete(shifted);
  return found;
}

/** Shifted images that this process has seen complete. */
const complete = new Set<Dataset>();

async function makeShifted(node: Node, image: InstalledImage, firstId: number, report: Report): Promise<void> {
  const uuid = image.manifest.uuid;
  if (!(await getProperties(`${image.dataset}@${FINAL}`, 'name'))) {
    throw imgadmErrors.ImageUnusable({ uuid, reason: `there is no ${image.dataset}@${FINAL}` });
  }
  await ensureParent(node);
  const shifted = shiftedDataset(node, uuid, firstId);
  const partial = dataset(node.pool, 'shifted', `${uuid}-${firstId}-partial`);
  await destroyUnmounted(node, partial);
  await cloneDataset(image.dataset, FINAL, partial, { canmount: 'noauto' });
  await whileMounted(node, partial, (directory) => shiftFiles(node, `${directory}/root`, firstId, report));
  await snapshotDataset(partial, FINAL);
  await renameDataset(partial, shifted);
}

async function shiftFiles(node: Node, root: string, firstId: number, report: Report): Promise<void> {
  // zfs-fuse has no extended attributes at all, so no file there has capabilities.
  const capabilities = node.zfs.implementation === 'zfs-fuse' ? [] : await capabilitiesOf(root);
  await setOwners(root, shiftedBy(firstId), (count) => report(`preparing the image for its owner: ${count} files`));
  await restoreCapabilities(capabilities, firstId);
}

/** The parent is never mounted; its name in the pool's root is a directory that only root can enter. */
async function ensureParent(node: Node): Promise<void> {
  const parent = shiftedParent(node);
  if (!(await datasetExists(parent))) {
    await createDataset(parent, { canmount: 'off' }).catch(async (error: unknown) => {
      if (!(await datasetExists(parent))) throw error;
    });
  }
  await mkdir(mountpointOf(node, parent), { recursive: true, mode: 0o700 });
  await chmod(mountpointOf(node, parent), 0o700);
}
