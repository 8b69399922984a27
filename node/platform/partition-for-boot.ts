/**
 * The partitions of a disk that a node boots from: 1 MiB for GRUB under a BIOS, a FAT file system with GRUB for UEFI, its menu and the
 * platform images, and the rest for the pool.
 */
import { existsSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { writeBootSector } from '../../host/grub/boot-sector.ts';
import { makeLoader, type Loader } from '../../host/grub/loader.ts';
import { run } from '../../host/run/run.ts';
import { formatBootPartition } from './boot-partition.ts';
import { platformErrors } from './errors.ts';

/** Names of partitions, by which they are found again. */
export const BOOT_PARTITION_NAME = 'zonewright-boot';

export interface BootablePartitions {
  /** The boot partition, as mtools names it. */
  readonly boot: string;
  /** What the pool is made on. */
  readonly pool: string;
}

const SECTOR = 512;
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const BIOS = { number: 1, start: MIB / SECTOR, sectors: MIB / SECTOR };
const BOOT = { number: 2, start: (2 * MIB) / SECTOR };
const POOL = { number: 3 };
const TYPES = { bios: '21686148-6449-6E6F-744E-656564454649', boot: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B', pool: '6A898CC3-1DD2-11B2-99A6-080020736631' };
/** Room for three images and a fourth on its way in; on a small disk for two. */
const SIZES = [
  { from: 24 * GIB, boot: 2 * GIB },
  { from: 6 * GIB, boot: GIB },
  { from: 4 * GIB, boot: 640 * MIB },
] as const;
const APPEARS_SECONDS = 30;

/**
 * Partition a disk that nobody needs what is on, and make it start GRUB under BIOS and UEFI. Without a platform image its menu is empty.
 * @param disk a whole disk, or a file that is one
 * @throws DiskTooSmall before anything is changed
 */
export async function partitionForBoot(disk: string): Promise<BootablePartitions> {
  const device = await realpath(disk);
  const bytes = await sizeOf(device);
  const boot = bootBytes(device, bytes);
  const loader = await makeLoader(BOOT.number);
  await run(['sfdisk', '--quiet', '--wipe=always', '--wipe-partitions=always', '--no-tell-kernel', '--', device], { input: tableFor(boot / SECTOR) });
  await appear(device);
  const partition = partitionOf(device, BOOT.number, BOOT.start);
  await formatBootPartition(partition, { sectors: boot / SECTOR, efi: loader.efi });
  await writeBootSector(loader, { disk: device, ...BIOS });
  return { boot: partition, pool: partitionOf(device, POOL.number, BOOT.start + boot / SECTOR) };
}

/** Whether a disk holds nothing but what this made and a pool did not come to use, as when a setup was cut off. */
export async function isPartitionedForNothing(disk: string): Promise<boolean> {
  const device = await realpath(disk).catch(() => disk);
  const { exitCode, stdout } = await run(['sfdisk', '--json', '--', device], { acceptExitCodes: [0, 1] });
  if (exitCode !== 0) return false;
  const { partitiontable } = tableSchema.parse(JSON.parse(stdout));
  const names = partitiontable.partitions.map(({ name }) => name);
  if (names.join() !== ['zonewright-bios', BOOT_PARTITION_NAME, 'zonewright-pool'].join()) return false;
  const start = (partitiontable.partitions[POOL.number - 1]?.start ?? 0) * SECTOR;
  const pool = await run(['blkid', '-p', ...(device.startsWith('/dev/') ? [] : ['-O', String(start)]), '--', partitionOf(device, POOL.number, start).replace(/@@\d+$/, '')], { acceptExitCodes: [0, 2] });
  return pool.exitCode === 2;
}

const tableSchema = z.object({ partitiontable: z.object({ partitions: z.array(z.object({ name: z.string().optional(), start: z.number() })).default([]) }) });

/** Write GRUB for a BIOS anew on a disk that was partitioned so. */
export async function rewriteBootSector(disk: string, loader: Loader): Promise<void> {
  await writeBootSector(loader, { disk, ...BIOS });
}

/** The loader that fits disks partitioned so. */
export function loaderForBoot(): Promise<Loader> {
  return makeLoader(BOOT.number);
}

/** Whether a disk is big enough, before anything is changed. @throws DiskTooSmall */
export async function requireBootableDisk(disk: string): Promise<void> {
  const device = await realpath(disk);
  bootBytes(device, await sizeOf(device));
}

function bootBytes(disk: string, bytes: number): number {
  const size = SIZES.find(({ from }) => bytes >= from);
  if (!size) throw platformErrors.DiskTooSmall({ disk, have: (bytes / 1e9).toFixed(1), needed: ((SIZES.at(-1)?.from ?? 0) / 1e9).toFixed(1) });
  return size.boot;
}

function tableFor(bootSectors: number): string {
  return [
    'label: gpt',
    `start=${BIOS.start}, size=${BIOS.sectors}, type=${TYPES.bios}, name=zonewright-bios`,
    `start=${BOOT.start}, size=${bootSectors}, type=${TYPES.boot}, name=${BOOT_PARTITION_NAME}`,
    `start=${BOOT.start + bootSectors}, type=${TYPES.pool}, name=zonewright-pool`,
    '',
  ].join('\n');
}

async function sizeOf(device: string): Promise<number> {
  const facts = await stat(device);
  return facts.isFile() ? facts.size : Number((await run(['blockdev', '--getsize64', device])).stdout);
}

/** A partition's device; within a file, which has none, where it begins. */
function partitionOf(device: string, number: number, start: number): string {
  if (!device.startsWith('/dev/')) return `${device}@@${start * SECTOR}`;
  return `${device}${/\d$/.test(device) ? 'p' : ''}${number}`;
}

/** The kernel reads the new table, and what manages devices makes their names. */
async function appear(device: string): Promise<void> {
  if (!device.startsWith('/dev/')) return;
  const deadline = Date.now() + APPEARS_SECONDS * 1000;
  const last = partitionOf(device, POOL.number, 0);
  for (;;) {
    // What looks at the disk just now keeps the kernel from reading its table; it is done in a moment.
    const { exitCode, stderr } = await run(['blockdev', '--rereadpt', device], { acceptExitCodes: [0, 1] });
    if (exitCode === 0 && existsSync(last)) break;
    if (Date.now() > deadline) throw new Error(`the partitions of ${device} do not appear: ${stderr.trim()}`);
    await sleep(200);
  }
  if (existsSync('/run/udev/control')) await run(['udevadm', 'settle', `--timeout=${APPEARS_SECONDS}`], { acceptExitCodes: [0, 1] });
}
