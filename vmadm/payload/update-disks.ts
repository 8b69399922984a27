/** The disks and passed-through devices of a machine after an update (reference §2.4, §2.6). */
import type { Payload } from '../engine.ts';
import { vmErrors } from '../errors.ts';
import { DISK_PROPERTIES, type DiskRecord } from './disk-properties.ts';
import { disksOfNew, requireDistinctUuids, requireKnownDisk, type DiskSurroundings } from './disks.ts';
import { normalElement } from './normalise.ts';
import { assignPciSlots } from './pci-slots.ts';
import { elementsOf, merged } from './update-elements.ts';
import { booleanOf, listOf } from './values.ts';
import { showJson } from './findings.ts';

export interface LiveState {
  readonly state: string;
  readonly zone_state: string;
}

/** Attributes of a disk that may change while the machine runs. SmartOS has no `size` here; ours may grow. */
const LIVE_ATTRIBUTES = ['path', 'compression', 'refreservation', 'size'];

/** Refuse changes of disks and devices that need a machine to be stopped. @throws DisksNeedStopped, DiskNeedsStopped */
export function requireStoppedFor(payload: Payload, disks: readonly DiskRecord[], live: LiveState): void {
  if (live.state === 'stopped') return;
  const has = (...names: string[]): boolean => names.some((name) => payload[name] !== undefined);
  if (has('add_disks', 'remove_disks')) throw vmErrors.DisksNeedStopped({ what: 'disks', ...live });
  if (has('pci_devices', 'add_pci_devices', 'update_pci_devices', 'remove_pci_devices')) throw vmErrors.DisksNeedStopped({ what: 'pci_devices', ...live });
  const offline = elementsOf(payload, 'update_disks').some((change) => Object.keys(change).some((name) => !LIVE_ATTRIBUTES.includes(name)) || shrinks(change, disks));
  if (offline) throw vmErrors.DiskNeedsStopped({ ...live });
}

function shrinks(change: Payload, disks: readonly DiskRecord[]): boolean {
  const size = disks.find(({ path }) => path === sameDevice(change['path']))?.size;
  return change['size'] !== undefined && size !== undefined && Number(change['size']) < size;
}

/** Remove, change and add disks, in this order. */
export async function disksAfterUpdate(disks: readonly DiskRecord[], payload: Payload, surroundings: DiskSurroundings): Promise<DiskRecord[]> {
  const removed = new Set(listOf(payload['remove_disks']).map((path) => indexOfPath(disks, path)));
  const kept = disks.filter((_, index) => !removed.has(index));
  const changed = elementsOf(payload, 'update_disks').reduce<readonly DiskRecord[]>((all, change) => changeDisk(all, change, surroundings), kept);
  const additions = elementsOf(payload, 'add_disks');
  const bhyve = surroundings.brand === 'bhyve';
  const added = await disksOfNew(additions, {
    ...surroundings,
    driver: surroundings.driver ?? disks[0]?.model,
    takenSlots: [...surroundings.takenSlots, ...(bhyve ? changed.map(({ pci_slot = '' }) => pci_slot) : [])],
    // Those that are being removed too: their volumes go last.
    takenPaths: disks.map(({ path }) => path),
    hasBootDisk: changed.some(({ boot }) => boot),
  });
  const all = [...changed, ...added];
  const booting = all.filter(({ boot }) => boot);
  if (booting.length > 1) throw vmErrors.DisksManyBoot({ disks: showJson(booting) });
  requireDistinctUuids(all);
  if (bhyve) assignPciSlots(all.map(({ pci_slot, media, boot }) => ({ pci_slot, media, boot })), surroundings.takenSlots);
  return all;
}

/** Both spellings of a volume's device name the same one. */
function sameDevice(path: unknown): string {
  return String(path).replace('/dev/zvol/rdsk/', '/dev/zvol/');
}

function indexOfPath(disks: readonly DiskRecord[], path: unknown): number {
  const index = disks.findIndex((disk) => disk.path === sameDevice(path));
  if (index === -1) throw vmErrors.DiskUnknown({ path: showJson(path) });
  return index;
}

function changeDisk(disks: readonly DiskRecord[], change: Payload, surroundings: DiskSurroundings): DiskRecord[] {
  const index = indexOfPath(disks, change['path']);
  const old = disks[index];
  if (!old) throw vmErrors.DiskUnknown({ path: showJson(change['path']) });
  if (change['block_size'] !== undefined) throw vmErrors.DiskBlockSizeFixed();
  const update = normalElement(DISK_PROPERTIES, surroundings.brand, 'u', change);
  const { size } = update;
  if (typeof size === 'number' && old.size !== undefined && size < old.size && booleanOf(change['dangerous_allow_shrink']) !== true) {
    throw vmErrors.DiskShrinks({ current: old.size, wanted: size });
  }
  if (change['refreservation'] === 'auto') throw vmErrors.DiskRefreservationAuto();
  const { dangerous_allow_shrink: _allow, path: _path, ...attributes } = update;
  const emptied = Object.fromEntries(Object.entries(change).filter(([, value]) => value === '' || value === null));
  // What is set aside for all of a disk is so for all of a larger one.
  const whole = size !== undefined && old.refreservation === old.size && attributes['refreservation'] === undefined ? { refreservation: size } : {};
  const disk = { ...merged(DISK_PROPERTIES, { ...old }, { ...emptied, ...attributes, ...whole }), boot: attributes['boot'] ?? old.boot, path: old.path };
  requireKnownDisk(disk, change, surroundings.brand);
  return disks.with(index, disk as unknown as DiskRecord);
}
