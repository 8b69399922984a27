import type { Node } from '../../host/config/node-config.ts';
import { machineSpace } from '../machines/space.ts';
import type { VmRecord } from '../payload/index.ts';

/** ZFS properties of an instance's root (reference §2.5, §2.8); devices never work from a guest's file system. */
export function rootProperties(node: Node, record: VmRecord): Record<string, string> {
  return {
    ...spaceOf(node, record),
    recordsize: String(record.zfs_root_recsize),
    compression: record.zfs_root_compression ?? 'off',
    devices: 'off',
  };
}

/** Properties that ZFS holds against each other and against what is in use. */
export const SPACE = ['reservation', 'refreservation', 'refquota', 'quota'] as const;

/** The disks of bhyve lie below the root, so there are bounds on the root alone and on all of it. */
function spaceOf(node: Node, record: VmRecord): Record<string, string> {
  if (record.brand !== 'bhyve') return { quota: record.quota === 0 ? 'none' : `${record.quota}G` };
  const { refquota, quota, refreservation, reservation } = machineSpace(node, record);
  return { refquota: `${refquota}M`, quota: `${quota}M`, refreservation: `${refreservation}M`, reservation: `${reservation}M` };
}
