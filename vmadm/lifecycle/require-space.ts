import type { Node } from '../../host/config/node-config.ts';
import { dataset } from '../../host/config/units.ts';
import { setAside } from '../../host/zfs/volume.ts';
import { availableBytes } from '../../host/zfs/zfs.ts';
import { vmErrors } from '../errors.ts';
import { ownedDisks } from '../machines/disks.ts';
import { machineSpace, sizeOfDisks } from '../machines/space.ts';
import type { VmRecord } from '../payload/index.ts';

const MEBIBYTE = 1024 * 1024;

/** A clone takes nothing by itself, but its first boot must be able to write, and ZFS needs room to destroy it again. */
const LEAST_MIB = 48;

/** What the pool has room for, in MiB. */
export async function availableSpace(node: Node): Promise<number> {
  return Math.floor((await availableBytes(dataset(node.pool))) / MEBIBYTE);
}

/** Refuse an instance that the pool has no room for, with the numbers, before anything is made. @throws NoSpace */
export function requireSpace(node: Node, record: VmRecord, available: number): void {
  const ofDisks = ownedDisks(record).reduce((sum, { size, refreservation }) => sum + setAside(node, size, refreservation), 0);
  requireRoom(node, record.brand === 'bhyve' ? machineSpace(node, record).reservation : ofDisks, available);
}

/** Refuse a change of a bhyve machine by which more is set aside than the pool has. @throws NoSpace */
export async function requireSpaceFor(node: Node, before: VmRecord, after: VmRecord): Promise<void> {
  const more = machineSpace(node, after).reservation - machineSpace(node, before).reservation;
  if (more > 0) requireRoom(node, more, await availableSpace(node));
}

function requireRoom(node: Node, reserved: number, available: number): void {
  const needed = LEAST_MIB + reserved;
  if (available < needed) throw vmErrors.NoSpace({ pool: node.pool, available, needed });
}

/** @throws DisksBeyondFlexible when the disks need more than what is there for them and their snapshots */
export function requireFlexibleSpace(record: VmRecord): void {
  const { flexible_disk_size: flexible } = record;
  const disks = sizeOfDisks(record);
  if (flexible !== undefined && flexible < disks) throw vmErrors.DisksBeyondFlexible({ flexible, disks });
}
