/** Disks of a machine: from its record to datasets and to what QEMU opens (reference §2.7, §2.8). */
import { realpath, stat } from 'node:fs/promises';
import type { Node } from '../../host/config/node-config.ts';
import { dataset, type Dataset, type MiB } from '../../host/config/units.ts';
import type { JailedFile } from '../../host/qemu/jail.ts';
import type { MachineDisk } from '../../host/qemu/machine.ts';
import { volumePlace } from '../../host/zfs/volume.ts';
import { vmErrors } from '../errors.ts';
import type { DiskRecord, VmRecord } from '../payload/index.ts';

/** A disk that we made, and so also destroy. */
export interface OwnedDisk {
  readonly index: number;
  readonly dataset: Dataset;
  readonly size: MiB;
  readonly refreservation: MiB;
  readonly record: DiskRecord;
}

/** The disks of a record that have datasets of their own; CDs and foreign devices have none. */
export function ownedDisks(record: VmRecord): OwnedDisk[] {
  return (record.disks ?? []).flatMap((disk, index) => {
    if (disk.zfs_filesystem === undefined) return [];
    const [pool = '', ...rest] = disk.zfs_filesystem.split('/');
    const size = (disk.size ?? 0) as MiB;
    return [{ index, dataset: dataset(pool, ...rest), size, refreservation: (disk.refreservation ?? size) as MiB, record: disk }];
  });
}

/** What a start may name besides: a CD or a disk for this boot only. */
export interface ExtraDisk {
  readonly path: string;
  readonly model: string;
  readonly media: 'disk' | 'cdrom';
}

/**
 * What QEMU gets as disks, and the files that its jail must show for that.
 * @throws DiskGone when something that the record names is not there
 */
export async function machineDisks(node: Node, record: VmRecord, extra: readonly ExtraDisk[]): Promise<{ disks: MachineDisk[]; files: JailedFile[] }> {
  const own = new Map(ownedDisks(record).map((disk) => [disk.index, disk]));
  const all: Array<DiskRecord | ExtraDisk> = [...(record.disks ?? []), ...extra];
  const places = await Promise.all(
    all.map(async (disk, index) => {
      const owned = own.get(index);
      const place = owned ? volumePlace(node, owned.dataset) : await foreignPlace(disk.path);
      return { disk, source: place.path, target: `/disks/${index}`, device: place.kind === 'device' };
    }),
  );
  return {
    disks: places.map(({ disk, target }, index) => describeDisk(disk, target, index)),
    files: places.map(({ disk, source, target, device }) => ({ source, target, access: device ? 'device' : disk.media === 'cdrom' ? 'read' : 'write' })),
  };
}

/**
 * Refuse a disk that a payload brings when it is something of the pool: that belongs to an image or to another instance,
 * and two machines on one disk destroy it.
 * @throws DiskGone, DiskOfAnother
 */
export async function requireForeignDisks(node: Node, record: VmRecord): Promise<void> {
  for (const disk of (record.disks ?? []).filter((one) => one.zfs_filesystem === undefined)) {
    const path = await realpath(disk.path).catch(() => undefined);
    if (path === undefined) throw vmErrors.DiskGone({ path: disk.path });
    const ours = [`${node.mountpoint}/`, `/dev/zvol/${node.pool}/`].some((prefix) => path.startsWith(prefix) || disk.path.startsWith(prefix));
    if (ours) throw vmErrors.DiskOfAnother({ path: disk.path, pool: node.pool });
  }
}

function describeDisk(disk: DiskRecord | ExtraDisk, path: string, index: number): MachineDisk {
  const record = disk as Partial<DiskRecord>;
  const media = disk.media === 'cdrom' ? 'cdrom' : 'disk';
  const sectors = /^(\d+)(?:\/(\d+))?$/.exec(record.guest_block_size ?? '');
  return {
    path,
    media,
    model: disk.model as MachineDisk['model'],
    serial: (record.uuid ?? `disk${index}`).slice(0, 20),
    trim: record.notrim !== true,
    bootIndex: record.boot === true ? 1 : index + 2,
    ...(sectors ? { blockSize: { logical: Number(sectors[1]), physical: Number(sectors[2] ?? sectors[1]) } } : {}),
  };
}

/** A path that the payload names must exist when it is used, and be nothing but a file or a block device. */
async function foreignPlace(path: string): Promise<{ path: string; kind: 'device' | 'file' }> {
  const stats = await stat(path).catch(() => undefined);
  if (!stats?.isFile() && !stats?.isBlockDevice()) throw vmErrors.DiskGone({ path });
  return { path, kind: stats.isBlockDevice() ? 'device' : 'file' };
}
