/** Short ways to try payloads. */
import type { Payload } from '../../../vmadm/engine.ts';
import { preparePayload, toVmObject, type VmRecord } from '../../../vmadm/payload/index.ts';
import { countingIds, FACTS, IMAGES, LIVE } from '../../support/payload-facts.ts';

export const ZONE: Payload = { brand: 'joyent-minimal', image_uuid: IMAGES.IMG, autoboot: false, do_not_inventory: true };
export const MACHINE: Payload = { brand: 'kvm', disk_driver: 'virtio', nic_driver: 'virtio', autoboot: false };
export const BHYVE: Payload = { brand: 'bhyve', disk_driver: 'virtio', nic_driver: 'virtio', autoboot: false };

/** The record that a payload over a base becomes. */
export async function recordOf(base: Payload, payload: Payload = {}, others: readonly VmRecord[] = []): Promise<VmRecord> {
  return (await preparePayload({ ...base, ...payload }, FACTS, others, countingIds())).record;
}

/** What `get` shows of it. */
export async function shownOf(base: Payload, payload: Payload = {}): Promise<Readonly<Record<string, unknown>>> {
  return toVmObject(await recordOf(base, payload), LIVE);
}

/** The message with which it is refused. */
export async function refusalOf(base: Payload, payload: Payload, others: readonly VmRecord[] = []): Promise<string> {
  try {
    await recordOf(base, payload, others);
  } catch (error) {
    if (error instanceof Error && error.name === 'ZonewrightError') return error.message;
    throw error;
  }
  return 'accepted';
}
