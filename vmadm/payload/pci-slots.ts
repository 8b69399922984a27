/** Places on the PCI bus of a bhyve machine (reference §2.7, disks.*.pci_slot). */
import { vmErrors } from '../errors.ts';
import { parsePciSlot } from './addresses.ts';

/** Devices of bus 0 that the machine itself uses. */
const RESERVED_DEVICES: readonly number[] = [0, 6, 30, 31];
const DISK_DEVICE = 4;
const CDROM_DEVICE = 3;
const FUNCTIONS = 8;

export interface SlotWish {
  readonly pci_slot: string | undefined;
  readonly media: string;
  readonly boot: boolean;
}

/**
 * A place for each disk: its own, kept as it is spelt, or the first free one. The boot disk is served before the others.
 * @param taken spellings of places that disks or devices have already.
 */
export function assignPciSlots(wishes: readonly SlotWish[], taken: readonly string[] = []): string[] {
  const used = new Set(taken.map(slotKey));
  for (const { pci_slot: slot } of wishes) {
    if (slot === undefined) continue;
    const key = slotKey(slot);
    if (used.has(key)) throw vmErrors.PciSlotTaken({ slot });
    used.add(key);
  }
  const places = new Map<SlotWish, string>();
  for (const wish of [...wishes].sort((one, other) => Number(other.boot) - Number(one.boot))) {
    places.set(wish, wish.pci_slot ?? takeFree(wish.media === 'cdrom' ? CDROM_DEVICE : DISK_DEVICE, used));
  }
  return wishes.map((wish) => places.get(wish) ?? '');
}

/** One spelling for a place. @throws PciSlotInvalid, PciSlotReserved */
export function slotKey(slot: string): string {
  const place = parsePciSlot(slot);
  if (!place) throw vmErrors.PciSlotInvalid({ slot });
  if (place.bus === 0 && RESERVED_DEVICES.includes(place.device)) throw vmErrors.PciSlotReserved({ slot, device: place.device });
  return `${place.bus}:${place.device}:${place.fn}`;
}

function takeFree(device: number, used: Set<string>): string {
  for (let fn = 0; fn < FUNCTIONS; fn++) {
    const slot = `0:${device}:${fn}`;
    if (used.has(slot)) continue;
    used.add(slot);
    return slot;
  }
  throw vmErrors.PciDeviceFull({ device });
}
