import type { Disk } from './list.ts';

/** A row of `lsblk`, with what `blkid` found on it. */
export interface BlockDevice {
  readonly path: string;
  readonly type: string;
  readonly size: number;
  readonly model: string | null;
  readonly serial: string | null;
  readonly tran: string | null;
  readonly rota: boolean;
  readonly ro: boolean;
  readonly rm: boolean;
  readonly mountpoints: ReadonlyArray<string | null>;
  readonly subsystems?: string | null;
  readonly children?: readonly BlockDevice[];
  readonly probe: Readonly<Record<string, string>>;
}

/** Disks as they are described to a person, from what the host's tools say. Drives without a medium and volumes of pools are left out. */
export function disksOf(devices: readonly BlockDevice[]): Array<Omit<Disk, 'id'>> {
  return devices.filter(isWholeDisk).map((device) => ({
    path: device.path,
    size: device.size,
    model: printable(device.model),
    serial: printable(device.serial),
    transport: transportOf(device),
    rotational: device.rota,
    removable: device.rm,
    content: contentOf(device),
    obstacle: obstacleOf(device),
  }));
}

/** Kernel names of what is no disk of a machine: memory, volumes of a pool, floppies, disks over the network. */
const NO_DISK = /^\/dev\/(zram|ram|zd|fd|nbd|dm-|md|drbd|rbd|mmcblk\d+(boot|rpmb))/;

function isWholeDisk({ type, path, size }: BlockDevice): boolean {
  return size > 0 && !NO_DISK.test(path) && (type === 'disk' || type === 'loop');
}

function transportOf({ tran, type, subsystems, path }: BlockDevice): string {
  if (type === 'loop') return 'loop';
  return tran ?? (subsystems?.includes('virtio') || path.startsWith('/dev/vd') ? 'virtio' : 'unknown');
}

function contentOf(device: BlockDevice): string | undefined {
  const own = describe(device.probe);
  const partitions = device.children ?? [];
  const pool = [device, ...partitions].find(({ probe }) => probe['TYPE'] === 'zfs_member');
  if (pool) return `pool ${quoted(pool.probe['LABEL'])}`;
  if (partitions.length === 0) return own ?? (device.probe['PTTYPE'] === undefined ? undefined : 'an empty partition table');
  const kinds = partitions.map(({ probe }) => describe(probe) ?? 'unknown').join(', ');
  return `${partitions.length} partition${partitions.length === 1 ? '' : 's'}: ${kinds}`;
}

function describe({ TYPE, LABEL }: Readonly<Record<string, string>>): string | undefined {
  return TYPE === undefined ? undefined : `${printable(TYPE)}${LABEL === undefined ? '' : ` ${quoted(LABEL)}`}`;
}

/** Labels of what a machine is installed from. */
const MEDIUM = /^(zonewright|answers)/i;

function obstacleOf(device: BlockDevice): string | undefined {
  const all = [device, ...below(device)];
  const mounted = all.flatMap(({ mountpoints }) => mountpoints).find((mountpoint) => mountpoint !== null);
  if (mounted !== undefined) return mounted === '[SWAP]' ? 'it is used as swap' : `it is mounted at ${printable(mounted)}`;
  if (device.ro) return 'it is read-only';
  const holder = all.find(({ type }) => type !== 'disk' && type !== 'part' && type !== 'loop');
  if (holder) return `it is used by ${holder.path}`;
  const medium = all.find(({ probe }) => probe['TYPE'] !== 'zfs_member' && MEDIUM.test(probe['LABEL'] ?? ''));
  return medium ? 'it is a medium to install from' : undefined;
}

function below({ children = [] }: BlockDevice): BlockDevice[] {
  return children.flatMap((child) => [child, ...below(child)]);
}

function quoted(label: string | undefined): string {
  return label === undefined ? 'without a name' : `"${printable(label)}"`;
}

/** What a disk says of itself goes to a console, where it must not be more than text. */
function printable(text: string | null): string {
  return (text ?? '').trim().replace(/[^\x20-\x7e]/g, '?').slice(0, 64);
}
