/** All property tables, by what they describe. */
import { DISK_PROPERTIES } from './disk-properties.ts';
import { FILESYSTEM_PROPERTIES } from './filesystem-properties.ts';
import { NIC_PROPERTIES } from './nic-properties.ts';
import { PCI_DEVICE_PROPERTIES } from './pci-device-properties.ts';
import { PROPERTIES } from './properties.ts';
import type { CollectionName, PropertyDefinition, PropertyTable } from './property.ts';

export const TOP_LEVEL: PropertyTable = PROPERTIES;

export const COLLECTIONS: Readonly<Record<CollectionName, PropertyTable>> = {
  nics: NIC_PROPERTIES,
  disks: DISK_PROPERTIES,
  filesystems: FILESYSTEM_PROPERTIES,
  pci_devices: PCI_DEVICE_PROPERTIES,
};

/** The definition of a name that may come from anywhere. */
export function definitionOf(table: PropertyTable, name: string): PropertyDefinition | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
