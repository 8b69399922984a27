import type { Node } from '../../host/config/node-config.ts';
import { dataset } from '../../host/config/units.ts';
import { availableBytes } from '../../host/zfs/zfs.ts';
import { vmErrors } from '../errors.ts';
import { ownedDisks } from '../machines/disks.ts';
import type { VmRecord } from '../payload/index.ts';

const MEBIBYTE = 1024 * 1024;

/** A clone takes nothing by itself, but its first boot must be able to write, and ZFS needs room to destroy it again. */
const LEAST_MIB = 48;

/** Refuse an instance that the pool has no room for, with the numbers, before anything is made. @throws NoSpace */
export async function requireSpace(node: Node, record: VmRecord): Promise<void> {
  const reserved = ownedDisks(record).reduce((sum, { refreservation }) => sum + refreservation, 0);
  const needed = LEAST_MIB + reserved;
  const available = Math.floor((await availableBytes(dataset(node.pool))) / MEBIBYTE);
  if (available < needed) throw vmErrors.NoSpace({ pool: node.pool, available, needed });
}
