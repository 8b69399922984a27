/** The properties of a machine's disk (reference §2.7, `disks.*`). An element is known by its `path`. */
import { BHYVE, HVM, KVM, type PropertyTable, type Stored } from './property.ts';

const MAX_MIB = 2 ** 33;

export const DISK_PROPERTIES = {
  path: { type: 'string', brands: HVM, actions: 'au', always: true, format: 'absolutePath', defaultText: 'generated', summary: 'device on the host' },
  media: { type: 'string', brands: HVM, actions: 'au', always: true, merged: true, default: 'disk', summary: 'disk, or cdrom, which must exist already' },
  model: { type: 'string', brands: HVM, actions: 'au', merged: true, always: true, defaultText: 'disk_driver', summary: 'kvm: virtio, scsi or ide; bhyve: virtio, ahci or nvme' },
  boot: { type: 'boolean', brands: HVM, actions: 'au', merged: true, always: true, defaultText: 'true for the first disk from an image', summary: 'the machine boots from it' },
  image_uuid: { type: 'uuid', brands: HVM, actions: 'a', summary: 'image that it is cloned from' },
  image_size: { type: 'integer', brands: HVM, actions: 'a', min: 0, max: MAX_MIB, unit: 'MiB', defaultText: "the image's", summary: 'size of the image; any other value is refused' },
  image_name: { type: 'string', brands: KVM, actions: 'au', transient: true, deprecated: true, summary: 'not used' },
  size: { type: 'integer', brands: HVM, actions: 'au', min: 0, max: MAX_MIB, unit: 'MiB', summary: 'size; with an image only where flexible_disk_size is set' },
  dangerous_allow_shrink: { type: 'boolean', brands: BHYVE, actions: 'u', transient: true, defaultText: 'false', summary: 'let an update make it smaller' },
  block_size: { type: 'integer', brands: HVM, actions: 'a', min: 0, unit: 'bytes', defaultText: '8192', summary: 'block size of the volume: a power of two from 512 to 131072' },
  guest_block_size: { type: 'string', brands: BHYVE, actions: 'au', merged: true, format: 'sectorSize', summary: 'sector size that the guest sees' },
  compression: { type: 'string', brands: HVM, actions: 'au', applies: 'live', defaultText: "the pool's", summary: 'compression of the volume' },
  refreservation: { type: 'integer', brands: HVM, actions: 'au', applies: 'live', min: 0, max: MAX_MIB, unit: 'MiB', defaultText: 'all of it', summary: 'space that is set aside for it; 0 for none' },
  notrim: { type: 'boolean', brands: BHYVE, actions: 'au', merged: true, hidden: 'when-false', defaultText: 'false', summary: 'the guest cannot give blocks back' },
  nocreate: { type: 'boolean', brands: HVM, actions: 'a', hidden: 'when-false', defaultText: 'false', summary: 'use the device at path instead of making a volume' },
  pci_slot: { type: 'string', brands: BHYVE, actions: 'au', merged: true, defaultText: '0:4:0 for the boot disk, then 0:4:1 …', summary: 'place on the PCI bus of the guest' },
  uuid: { type: 'uuid', brands: BHYVE, actions: 'au', merged: true, defaultText: 'generated', summary: 'serial number that the guest sees' },
  zpool: { type: 'string', brands: HVM, actions: 'a', defaultText: "the instance's", summary: 'pool of the volume' },
  zfs_filesystem: { type: 'string', brands: HVM, actions: 'r', summary: 'dataset of the volume' },
} as const satisfies PropertyTable;

/** A disk as it is stored. */
export type DiskRecord = Stored<typeof DISK_PROPERTIES>;
