import { rmdir } from 'node:fs/promises';
import type { Node } from '../../host/config/node-config.ts';
import type { Dataset } from '../../host/config/units.ts';
import { isSystemError } from '../../host/errors/errors.ts';
import { getProperties, mountDataset, unmountDataset } from '../../host/zfs/zfs.ts';
import { mountpointOf } from './names.ts';

/** Do `work` on a dataset's files: it is mounted for that and not a moment longer. */
export async function whileMounted<Result>(node: Node, name: Dataset, work: (directory: string) => Promise<Result>): Promise<Result> {
  if ((await getProperties(name, 'mounted'))?.mounted !== 'yes') await mountDataset(name);
  try {
    return await work(mountpointOf(node, name));
  } finally {
    await unmount(node, name);
  }
}

/** Unmount a dataset and take away its empty mountpoint, which ZFS leaves behind. */
export async function unmount(node: Node, name: Dataset): Promise<void> {
  await unmountDataset(name);
  await removeMountpoint(node, name);
}

/** Take away the mountpoint of a dataset that is not mounted, if it is there and empty. */
export async function removeMountpoint(node: Node, name: Dataset): Promise<void> {
  try {
    await rmdir(mountpointOf(node, name));
  } catch (error) {
    if (!isSystemError(error, 'ENOENT', 'ENOTEMPTY', 'EBUSY')) throw error;
  }
}
