import { placePlatform, readBootPartition, setNextBoot, writeMenu, type BootPartition } from './boot-partition.ts';
import { platformErrors } from './errors.ts';
import { alone, type PlatformHost } from './platform-host.ts';
import { installedStamps, platformDirectory, requireInstalled } from './store.ts';
import type { Stamp } from './stamp.ts';

export const TRIAL_SECONDS = 600;

/** What is booted next: `saved`, unless `next` is tried first. Every disk says the same, unless a write to one was cut off. */
export interface NextBoot {
  readonly saved: Stamp | undefined;
  readonly next: Stamp | undefined;
}

export interface PlacingOptions {
  readonly signal?: AbortSignal | undefined;
  say(line: string): void;
}

/**
 * Put an installed image on every boot partition, one after the other, and into their menus. The first image on disks that had none is
 * booted from then on: there is nothing to fall back to. Nothing happens where there are no boot partitions.
 */
export async function placeOnDisks(host: PlatformHost, stamp: Stamp, { signal, say }: PlacingOptions): Promise<void> {
  const partitions = await Promise.all(host.partitions.map(readBootPartition));
  const { saved, next } = nextBootOf(partitions);
  const keep = new Set([stamp, saved, next, host.boot.stamp].filter((one) => one !== undefined));
  const manifest = await requireInstalled(host.node, stamp);
  const bytes = ['vmlinuz', 'initramfs'].reduce((sum, name) => sum + (manifest.files[name]?.size ?? 0), 0);
  for (const partition of partitions) {
    signal?.throwIfAborted();
    if (!partition.stamps.includes(stamp)) say(`${stamp} onto ${partition.volume}`);
    await placePlatform(partition.volume, { stamp, directory: platformDirectory(host.node, stamp), bytes, keep, signal });
    const safe = saved ?? stamp;
    await writeMenu(partition.volume, partition.stamps.includes(safe) ? safe : stamp, TRIAL_SECONDS);
    if (saved === undefined) await setNextBoot(partition.volume, { saved: stamp });
  }
}

/** Say on every disk what is booted. Every image that is named is there. */
export async function sayOnDisks(host: PlatformHost, { saved, next, trialSeconds = TRIAL_SECONDS }: { readonly saved: Stamp; readonly next?: Stamp | undefined; readonly trialSeconds?: number }): Promise<void> {
  for (const volume of host.partitions) {
    await writeMenu(volume, saved, trialSeconds);
    await setNextBoot(volume, { saved, next });
  }
}

/** What the disks say; the first that says anything counts. */
export function nextBootOf(partitions: readonly BootPartition[]): NextBoot {
  const first = partitions.find(({ saved }) => saved !== undefined);
  return { saved: first?.saved, next: first?.next };
}

export async function readNextBoot(host: PlatformHost): Promise<NextBoot> {
  return nextBootOf(await Promise.all(host.partitions.map(readBootPartition)));
}

/** Bring GRUB, the images and the menu of every disk to what they should be, as after a disk was damaged. */
export function refreshDisks(host: PlatformHost, options: PlacingOptions & { rewriteLoader(volume: string): Promise<void> }): Promise<void> {
  return alone(host, 'refreshing the boot partitions', async () => {
    requireBootable(host);
    const installed = await installedStamps(host.node);
    const { saved, next } = await readNextBoot(host);
    for (const volume of host.partitions) await options.rewriteLoader(volume);
    for (const stamp of [saved, next]) if (stamp !== undefined && installed.includes(stamp)) await placeOnDisks(host, stamp, options);
    if (saved !== undefined) await sayOnDisks(host, { saved, next });
  });
}

/** @throws NotBootable */
export function requireBootable({ partitions, node, boot }: PlatformHost): void {
  if (partitions.length === 0) throw platformErrors.NotBootable({ pool: node.pool, why: boot.stamp === undefined ? '; it does not run from memory either' : '' });
}
