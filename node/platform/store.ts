/** Platform images in the pool: `<pool>/boot`, one directory each. What lies there under its final name was verified and is complete. */
import { chmod, open, readFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import { dataset, type Dataset } from '../../host/config/units.ts';
import { makePrivateDirectory, syncDirectory } from '../../host/files/atomic.ts';
import { namesIn } from '../../host/files/names-in.ts';
import { requireRoom } from '../../host/platform-source/require-room.ts';
import { MANIFEST } from '../../host/signature/platform.ts';
import { parseManifest, type PlatformManifest } from '../../host/signature/manifest.ts';
import { availableBytes, createDataset, datasetExists, getProperties, mountDataset } from '../../host/zfs/zfs.ts';
import { platformErrors } from './errors.ts';
import { isStamp, type Stamp } from './stamp.ts';

export function bootDataset(node: Node): Dataset {
  return dataset(node.pool, 'boot');
}

export function platformDirectory(node: Node, stamp: Stamp): string {
  return join(node.mountpoint, 'boot', `platform-${stamp}`);
}

/** Stamps of what is installed, oldest first. */
export async function installedStamps(node: Node): Promise<Stamp[]> {
  const names = await namesIn(join(node.mountpoint, 'boot'));
  return names.map((name) => /^platform-(.*)$/.exec(name)?.[1]).filter(isStamp).sort();
}

/** @throws PlatformNotInstalled */
export async function requireInstalled(node: Node, stamp: Stamp): Promise<PlatformManifest> {
  if (!(await installedStamps(node)).includes(stamp)) throw platformErrors.PlatformNotInstalled({ stamp });
  return parseManifest(await readFile(join(platformDirectory(node, stamp), MANIFEST)));
}

/** A directory to gather a new image in; what one that was killed left is gone. */
export async function openWorkDirectory(node: Node): Promise<string> {
  const name = bootDataset(node);
  if (!(await datasetExists(name))) await createDataset(name);
  if ((await getProperties(name, 'mounted'))?.mounted === 'no') await mountDataset(name);
  const root = join(node.mountpoint, 'boot');
  await chmod(root, 0o700);
  for (const entry of await namesIn(root)) if (/^\.(new|old)-/.test(entry)) await rm(join(root, entry), { recursive: true, force: true });
  const work = join(root, `.new-${crypto.randomUUID()}`);
  await makePrivateDirectory(work);
  return work;
}

/** Make a verified image in a work directory an installed one. It would survive a power cut when this returns. */
export async function keepPlatform(node: Node, work: string, stamp: Stamp): Promise<void> {
  for (const name of await readdir(work)) {
    const file = await open(join(work, name), 'r+');
    await file.sync().finally(() => file.close());
  }
  await syncDirectory(work);
  await rename(work, platformDirectory(node, stamp));
  await syncDirectory(join(node.mountpoint, 'boot'));
}

/** Take an image out of the pool; a half-removed one is never seen. */
export async function dropPlatform(node: Node, stamp: Stamp): Promise<void> {
  const root = join(node.mountpoint, 'boot');
  const old = join(root, `.old-${crypto.randomUUID()}`);
  await rename(platformDirectory(node, stamp), old);
  await syncDirectory(root);
  await rm(old, { recursive: true, force: true });
}

/** @throws PlatformSpace when the pool has not that many bytes */
export async function requireSpace(node: Node, bytes: number): Promise<void> {
  requireRoom(`the pool ${node.pool}`, await availableBytes(bootDataset(node)), bytes + SPARE_BYTES);
}

/** What the node needs besides, to go on working. */
const SPARE_BYTES = 64 * 1024 ** 2;
