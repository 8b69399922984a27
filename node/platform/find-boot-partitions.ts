import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { namesIn } from '../../host/files/names-in.ts';
import { readFileIfPresent } from '../../host/files/atomic.ts';
import { run } from '../../host/run/run.ts';
import { BOOT_PARTITION_NAME } from './partition-for-boot.ts';

/** The boot partitions on the disks of a pool; none when it was not made for that, or lies in a file. */
export async function findBootPartitions(pool: string): Promise<string[]> {
  const disks = new Set<string>();
  for (const device of await devicesOf(pool)) {
    const place = await realpath(join('/sys/class/block', basename(device))).catch(() => undefined);
    if (place !== undefined && (await readFileIfPresent(join(place, 'partition'))) !== undefined) disks.add(dirname(place));
  }
  return (await Promise.all([...disks].sort().map(bootPartitionOf))).flat();
}

async function devicesOf(pool: string): Promise<string[]> {
  // zfs-fuse knows no -P and -L; a pool on it is in a file.
  const { exitCode, stdout } = await run(['zpool', 'status', '-L', '-P', pool], { acceptExitCodes: [0, 1, 2] });
  return exitCode === 0 ? [...stdout.matchAll(/^\s+(\/dev\/\S+)/gm)].map(([, device = '']) => device) : [];
}

async function bootPartitionOf(disk: string): Promise<string[]> {
  for (const name of await namesIn(disk)) {
    const facts = await readFileIfPresent(join(disk, name, 'uevent')).catch(() => undefined);
    if (facts?.split('\n').includes(`PARTNAME=${BOOT_PARTITION_NAME}`) === true) return [`/dev/${name}`];
  }
  return [];
}
