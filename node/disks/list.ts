/**
 * The disks of this machine and what is on them. Whole disks only: a pool takes a disk as it is. What says that a disk must not be
 * taken is found out here, by looking and without writing.
 */
import { constants } from 'node:fs';
import { open, readdir, realpath } from 'node:fs/promises';
import { isSystemError } from '../../host/errors/errors.ts';
import { run } from '../../host/run/run.ts';
import { disksOf, type BlockDevice } from './block-devices.ts';

export interface Disk {
  /** `/dev/sda`. */
  readonly path: string;
  /** The name that stays with it, from /dev/disk/by-id; its path where it has none. */
  readonly id: string;
  /** Bytes. */
  readonly size: number;
  readonly model: string;
  readonly serial: string;
  /** `sata`, `nvme`, `virtio`, `usb`, `loop` … */
  readonly transport: string;
  readonly rotational: boolean;
  readonly removable: boolean;
  /** What is on it, in words: `pool "zones"`, `2 partitions: ext4, swap`; undefined when nothing is. */
  readonly content: string | undefined;
  /** Why it cannot be taken; undefined when it can. */
  readonly obstacle: string | undefined;
}

/** What a pool needs at least of a disk. Bytes. */
export const SMALLEST_DISK = 4 * 1024 ** 3;

/** All disks, in the order of their paths. Loop devices are among them, since they can be asked for by name. */
export async function listDisks(): Promise<Disk[]> {
  const ids = await idsOfDisks();
  const disks = disksOf(await blockDevices());
  return Promise.all(
    disks.map(async (disk) => ({ ...disk, id: ids.get(disk.path) ?? disk.path, obstacle: disk.obstacle ?? tooSmall(disk.size) ?? (await reasonNotToOpen(disk.path)) })),
  );
}

const COLUMNS = ['PATH', 'TYPE', 'SIZE', 'MODEL', 'SERIAL', 'TRAN', 'ROTA', 'RO', 'RM', 'MOUNTPOINTS', 'SUBSYSTEMS'];

async function blockDevices(): Promise<BlockDevice[]> {
  const { stdout } = await run(['lsblk', '--json', '--bytes', '--tree', '--output', COLUMNS.join(',')]);
  const { blockdevices } = JSON.parse(stdout) as { readonly blockdevices: readonly Omit<BlockDevice, 'probe'>[] };
  return Promise.all(blockdevices.filter(({ type }) => type === 'disk' || type === 'loop').map(withProbes));
}

/** What is really there: udev may have looked before something was written, and not every host has one. */
async function withProbes(device: Omit<BlockDevice, 'probe'>): Promise<BlockDevice> {
  const children = await Promise.all((device.children ?? []).map(withProbes));
  return { ...device, children, probe: await probeOf(device.path) };
}

async function probeOf(path: string): Promise<Readonly<Record<string, string>>> {
  // 2: no signature of anything known; 8: several that contradict each other.
  const { stdout, exitCode } = await run(['blkid', '-p', '-o', 'export', '--', path], { acceptExitCodes: [0, 2, 8] });
  if (exitCode === 8) return { TYPE: 'several things at once' };
  return Object.fromEntries(stdout.split('\n').flatMap((line) => (line.includes('=') ? [[line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]] : [])));
}

function tooSmall(size: number): string | undefined {
  return size < SMALLEST_DISK ? `it is smaller than ${SMALLEST_DISK / 1024 ** 3} GiB` : undefined;
}

/** The kernel gives a disk to one user at a time, and a locked self-encrypting drive does not let itself be read. */
async function reasonNotToOpen(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_EXCL);
    try {
      await file.read(Buffer.alloc(4096), 0, 4096, 0);
    } finally {
      await file.close();
    }
    return undefined;
  } catch (error) {
    if (isSystemError(error, 'EBUSY')) return 'it is in use';
    if (isSystemError(error, 'EIO')) return 'it cannot be read: it is broken, or a self-encrypting drive that is locked';
    if (isSystemError(error, 'ENXIO', 'ENOMEDIUM', 'ENOENT')) return 'there is nothing in the drive';
    throw error;
  }
}

const BY_ID = '/dev/disk/by-id';
/** Of several names of one disk: those that say what it is before those that are numbers. */
const ID_ORDER = ['nvme-', 'ata-', 'scsi-S', 'virtio-', 'usb-', 'scsi-', 'wwn-'];

async function idsOfDisks(): Promise<Map<string, string>> {
  const names = await readdir(BY_ID).catch((error: unknown) => {
    if (isSystemError(error, 'ENOENT')) return [];
    throw error;
  });
  const rank = (name: string): number => (ID_ORDER.findIndex((prefix) => name.startsWith(prefix)) + ID_ORDER.length + 1) % (ID_ORDER.length + 1);
  const ids = new Map<string, string>();
  for (const name of names.sort((one, other) => rank(one) - rank(other) || one.localeCompare(other))) {
    const path = await realpath(`${BY_ID}/${name}`).catch(() => undefined);
    if (path !== undefined && !ids.has(path)) ids.set(path, `${BY_ID}/${name}`);
  }
  return ids;
}
