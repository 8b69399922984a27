import type { Node } from '../../host/config/node-config.ts';
import { dataset, type Dataset } from '../../host/config/units.ts';
import { findRange, type IdRange } from '../../host/idmap/ranges.ts';
import type { VmRecord } from '../payload/index.ts';
import { readRecord } from '../store/records.ts';
import { vmErrors } from '../errors.ts';

/** What the steps of an instance's lifecycle work on. */
export interface VmContext {
  readonly node: Node;
}

/** The dataset of an instance's root. */
export function rootDataset(node: Node, uuid: string): Dataset {
  return dataset(node.pool, uuid);
}

/**
 * Whose uid range an instance's zone runs in. Where files are mapped at the mount each zone has one of its own; where
 * they carry shifted ids on disk an image's shifted clone serves all zones of one owner, and no other owner's. A machine
 * always has its own: it runs as the first uid of its range.
 */
export function rangeKey(node: Node, record: Pick<VmRecord, 'uuid' | 'owner_uuid' | 'brand' | 'uid_range'>): string {
  if (record.uid_range !== undefined) return record.uid_range;
  return node.idmappedMounts || isMachine(record) ? `zone:${record.uuid}` : `owner:${record.owner_uuid}`;
}

/** Whether an instance is a machine: brands kvm and bhyve both run on QEMU. */
export function isMachine(record: Pick<VmRecord, 'brand'>): boolean {
  return record.brand === 'kvm' || record.brand === 'bhyve';
}

/** The record of an instance that must exist. @throws NoSuchVm */
export async function recordOf(node: Node, uuid: string): Promise<VmRecord> {
  const record = await readRecord(node, uuid);
  if (!record) throw vmErrors.NoSuchVm({ uuid });
  return record;
}

/** The uid range that a key has been given; a plan claims it before any step needs it. */
export async function rangeOf(node: Node, key: string): Promise<IdRange> {
  const range = await findRange(node, key);
  if (!range) throw new Error(`no uid range was claimed for ${key}`);
  return range;
}
