/** How much of the pool a bhyve machine may take and is given: reference §2.8. Pure arithmetic, in MiB. */
import type { Node } from '../../host/config/node-config.ts';
import type { MiB } from '../../host/config/units.ts';
import { setAside } from '../../host/zfs/volume.ts';
import type { VmRecord } from '../payload/index.ts';
import { ownedDisks } from './disks.ts';

/** ZFS properties of the dataset that holds a bhyve machine's root, and below which its disks are. */
export interface MachineSpace {
  /** Of the root alone. */
  readonly refquota: number;
  readonly refreservation: number;
  /** Of everything below as well. */
  readonly quota: number;
  readonly reservation: number;
}

const GIBIBYTE = 1024;

/**
 * The root has its quota, of which a spare MiB lets a snapshot be taken of a full one; each disk what is set aside for it;
 * and what `flexible_disk_size` leaves beyond the disks is for their snapshots. A thin disk may grow to its size, but nothing
 * is set aside for that.
 */
export function machineSpace(node: Node, record: VmRecord): MachineSpace {
  const disks = ownedDisks(record);
  const root = Math.max(1, record.quota) * GIBIBYTE;
  const beyond = record.flexible_disk_size === undefined ? 0 : Math.max(0, record.flexible_disk_size - sizeOfDisks(record));
  const sum = (of: (disk: (typeof disks)[number]) => MiB): number => disks.reduce((total, disk) => total + of(disk), 0);
  return {
    refquota: root,
    refreservation: root - 1,
    quota: sum(({ size }) => setAside(node, size, size)) + root + beyond,
    reservation: sum(({ size, refreservation }) => setAside(node, size, refreservation)) + root + beyond,
  };
}

/** What is left of `flexible_disk_size` beside the disks and their snapshots; undefined for a machine without it. */
export function freeSpace(record: VmRecord, bytesOfSnapshots: number): number | undefined {
  if (record.flexible_disk_size === undefined) return undefined;
  return Math.floor(record.flexible_disk_size - sizeOfDisks(record) - bytesOfSnapshots / (1024 * 1024));
}

/** The sizes of a machine's own disks together. */
export function sizeOfDisks(record: VmRecord): number {
  return ownedDisks(record).reduce((total, { size }) => total + size, 0);
}
