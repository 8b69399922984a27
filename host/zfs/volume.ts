/**
 * Disks of machines: volumes where ZFS has them, else a sparse file in a dataset of its own. Both are a dataset that is
 * cloned, snapshotted and destroyed alike; only what the machine opens differs.
 */
import { open, realpath, stat, truncate } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Node } from '../config/node-config.ts';
import type { Dataset, MiB } from '../config/units.ts';
import { readFileIfPresent } from '../files/atomic.ts';
import { featuresOf } from './features.ts';
import { cloneDataset, createDataset, createVolume as createBlockVolume, getProperties, inheritProperties, setProperties, type Properties } from './zfs.ts';

export interface VolumeOptions {
  readonly size: MiB;
  /** Space set aside; 0 takes none until it is written, the size of the volume or more sets all aside that it can ever take. */
  readonly refreservation: MiB;
  /** Bytes; what the volume is made of. Given for blank volumes, inherited by clones. */
  readonly blockSize?: number | undefined;
  readonly compression?: string | undefined;
  /** User properties. */
  readonly properties: Properties;
}

/** What a machine opens. */
export interface VolumePlace {
  readonly path: string;
  readonly kind: 'device' | 'file';
}

const MEBIBYTE = 1024 * 1024;
const FILE = 'disk.raw';

/** Whether this node's ZFS makes volumes. */
export function hasVolumes(node: Node): boolean {
  return featuresOf(node.zfs.implementation, node.zfs.version).volumes;
}

/** Where a volume is opened. */
export function volumePlace(node: Node, name: Dataset): VolumePlace {
  if (hasVolumes(node)) return { path: `/dev/zvol/${name}`, kind: 'device' };
  return { path: join(node.mountpoint, name.slice(node.pool.length + 1), FILE), kind: 'file' };
}

/** Make a blank volume. */
export async function createVolume(node: Node, name: Dataset, options: VolumeOptions): Promise<void> {
  const { blockSize, size } = options;
  if (hasVolumes(node)) {
    const properties = { ...UNSEEN, ...propertiesOf(node, options), ...(blockSize ? { volblocksize: String(blockSize) } : {}) };
    await createBlockVolume(name, size * MEBIBYTE, { sparse: true, properties });
    await appeared(node, name);
    return;
  }
  await createDataset(name, { ...propertiesOf(node, options), ...(blockSize ? { recordsize: String(blockSize) } : {}) });
  const file = await open(volumePlace(node, name).path, 'wx', 0o600);
  await file.truncate(size * MEBIBYTE);
  await file.close();
}

/** Clone a volume and make it as large as wanted; never smaller than its origin. */
export async function cloneVolume(node: Node, origin: Dataset, snapshot: string, name: Dataset, options: VolumeOptions): Promise<void> {
  await cloneDataset(origin, snapshot, name, { ...(hasVolumes(node) ? UNSEEN : {}), ...propertiesOf(node, options) });
  await growVolume(node, name, options.size);
  if (hasVolumes(node)) await appeared(node, name);
}

/** Change how a volume is stored, also while it is open. */
export async function storeVolume(node: Node, name: Dataset, { size, refreservation, compression }: Pick<VolumeOptions, 'size' | 'refreservation' | 'compression'>): Promise<void> {
  await setProperties(name, propertiesOf(node, { size, refreservation, compression, properties: {} }));
  if (!compression) await inheritProperties(name, ['compression']);
}

/** Make a volume larger, also while it is open. */
export async function growVolume(node: Node, name: Dataset, size: MiB): Promise<void> {
  if (hasVolumes(node)) return setProperties(name, { volsize: `${size}M` });
  await truncate(volumePlace(node, name).path, size * MEBIBYTE);
}

/** How large a volume is, in MiB. @throws CommandFailed when there is none */
export async function volumeSize(node: Node, name: Dataset): Promise<MiB> {
  const bytes = hasVolumes(node) ? Number((await getProperties(name, 'volsize'))?.volsize) : (await stat(volumePlace(node, name).path)).size;
  return Math.ceil(bytes / MEBIBYTE) as MiB;
}

/** The host makes no devices of a guest's partitions, and so never reads what a guest wrote there. */
const UNSEEN: Properties = { volmode: 'dev' };

const APPEAR_SECONDS = 30;

/**
 * udev gives a new volume its name a moment after ZFS has made it. Where a pool has partitions of volumes seen, ZFS first makes
 * a device that has them, and soon replaces it: that one does not count.
 */
async function appeared(node: Node, name: Dataset): Promise<void> {
  const { path } = volumePlace(node, name);
  for (let waited = 0; waited < APPEAR_SECONDS * 1000; waited += 20) {
    if (await isWithoutPartitions(path)) return;
    await sleep(20);
  }
  throw new Error(`${path} has not appeared within ${APPEAR_SECONDS} s`);
}

async function isWithoutPartitions(path: string): Promise<boolean> {
  const device = await realpath(path).catch(() => undefined);
  if (device === undefined) return false;
  // 256 where the kernel looks for partitions.
  return (await readFileIfPresent(`/sys/block/${basename(device)}/ext_range`))?.trim() === '1';
}

/**
 * What the pool sets aside for a volume: a little more than the volume where that is to be all of it, since there are pointers
 * to its blocks, and zfs-fuse refuses a write unless there is room for many times as much.
 */
export function setAside(node: Node, size: MiB, refreservation: MiB): MiB {
  if (refreservation < size || refreservation === 0) return refreservation;
  const overhead = hasVolumes(node) ? 1 + Math.ceil(size / 32) : 16 + Math.ceil(size / 64);
  return (refreservation + overhead) as MiB;
}

function propertiesOf(node: Node, { size, refreservation, compression, properties }: Pick<VolumeOptions, 'size' | 'refreservation' | 'compression' | 'properties'>): Properties {
  const reserved = setAside(node, size, refreservation);
  return { refreservation: reserved === 0 ? 'none' : `${reserved}M`, ...(compression ? { compression } : {}), ...properties };
}
