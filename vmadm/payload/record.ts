/** What is stored of an instance: plain JSON, typed by the property tables. */
import type { Brand } from './brands.ts';
import type { DiskRecord } from './disk-properties.ts';
import type { FilesystemRecord } from './filesystem-properties.ts';
import type { NicRecord } from './nic-properties.ts';
import type { PciDeviceRecord } from './pci-device-properties.ts';
import type { PROPERTIES } from './properties.ts';
import type { Stored } from './property.ts';

export type { DiskRecord, FilesystemRecord, NicRecord, PciDeviceRecord };

export type VmRecord = Omit<Stored<typeof PROPERTIES>, 'brand'> & {
  readonly brand: Brand;
  readonly nics: readonly NicRecord[];
  readonly disks?: readonly DiskRecord[];
  readonly filesystems?: readonly FilesystemRecord[];
  readonly pci_devices?: readonly PciDeviceRecord[];
  readonly last_modified: string;
  /** Number of the zone on its node; given by whoever admits the instance. */
  readonly zonedid?: number;
  /** Whose uid range its files carry, when that does not follow from its owner any more. */
  readonly uid_range?: string;
  /** What failed, when the instance is of no use any more. */
  readonly failed?: string;
};
