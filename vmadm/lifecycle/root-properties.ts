import type { VmRecord } from '../payload/index.ts';

/** ZFS properties of an instance's root (reference §2.5, §2.8); devices never work from a guest's file system. */
export function rootProperties(record: VmRecord): Record<string, string> {
  // The disks of bhyve lie below the root, so there the bound is on the root alone.
  const quota = record.brand === 'bhyve' ? 'refquota' : 'quota';
  return {
    [quota]: record.quota === 0 ? 'none' : `${record.quota}G`,
    recordsize: String(record.zfs_root_recsize),
    compression: record.zfs_root_compression ?? 'off',
    devices: 'off',
  };
}
