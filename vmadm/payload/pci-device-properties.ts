/** The properties of a device of the host that a machine uses (reference §2.7). An element is known by its `path`. */
import { BHYVE, type PropertyTable, type Stored } from './property.ts';

export const PCI_DEVICE_PROPERTIES = {
  path: { type: 'string', brands: BHYVE, actions: 'au', always: true, required: BHYVE, format: 'pciPath', summary: 'device of the host' },
  pci_slot: { type: 'string', brands: BHYVE, actions: 'au', merged: true, always: true, required: BHYVE, format: 'pciSlot', summary: 'place on the PCI bus of the guest' },
} as const satisfies PropertyTable;

export type PciDeviceRecord = Stored<typeof PCI_DEVICE_PROPERTIES>;
