import { writeLoader } from './boot-partition.ts';
import { loaderForBoot, rewriteBootSector } from './partition-for-boot.ts';
import { refreshDisks, requireBootable, type PlacingOptions } from './place-on-disks.ts';
import type { PlatformHost } from './platform-host.ts';
import { basename, dirname } from 'node:path';
import { realpath } from 'node:fs/promises';

/** Write GRUB, the images and the menu of every boot partition anew, one disk after the other. @throws NotBootable, BootDiskFailed */
export async function refreshBootable(host: PlatformHost, options: PlacingOptions): Promise<void> {
  requireBootable(host);
  const loader = await loaderForBoot();
  await refreshDisks(host, {
    ...options,
    async rewriteLoader(volume) {
      options.say(`GRUB onto ${volume}`);
      await writeLoader(volume, loader.efi);
      await rewriteBootSector(await diskOf(volume), loader);
    },
  });
}

/** The disk that a partition is part of; a file that is a disk is named before the offset. */
async function diskOf(volume: string): Promise<string> {
  const file = /^(.*)@@\d+$/.exec(volume)?.[1];
  if (file !== undefined) return file;
  return `/dev/${basename(dirname(await realpath(`/sys/class/block/${basename(volume)}`)))}`;
}
