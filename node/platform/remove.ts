import { readBootPartition, removePlatformFrom, writeMenu } from './boot-partition.ts';
import { platformErrors } from './errors.ts';
import { nextBootOf, TRIAL_SECONDS } from './place-on-disks.ts';
import { alone, type PlatformHost } from './platform-host.ts';
import type { Stamp } from './stamp.ts';
import { dropPlatform, installedStamps } from './store.ts';

/** Take an image away, from the pool and from its disks. @throws PlatformNotInstalled, PlatformInUse, BootDiskFailed */
export function removePlatform(host: PlatformHost, stamp: Stamp): Promise<void> {
  return alone(host, `removing ${stamp}`, async () => {
    const partitions = await Promise.all(host.partitions.map(readBootPartition));
    const { saved, next } = nextBootOf(partitions);
    const installed = (await installedStamps(host.node)).includes(stamp);
    if (!installed && !partitions.some(({ stamps }) => stamps.includes(stamp))) throw platformErrors.PlatformNotInstalled({ stamp });
    if (stamp === host.boot.stamp) throw platformErrors.PlatformInUse({ stamp, reason: 'this node runs from it' });
    if (stamp === next) throw platformErrors.PlatformInUse({ stamp, reason: 'the next boot is of it' });
    if (stamp === saved) throw platformErrors.PlatformInUse({ stamp, reason: next === undefined ? 'the next boot is of it' : 'it is what the trial falls back to' });
    for (const { volume, stamps, saved: own } of partitions) {
      if (!stamps.includes(stamp)) continue;
      await removePlatformFrom(volume, stamp);
      const safe = own ?? saved;
      if (safe !== undefined) await writeMenu(volume, safe, TRIAL_SECONDS);
    }
    if (installed) await dropPlatform(host.node, stamp);
  });
}
