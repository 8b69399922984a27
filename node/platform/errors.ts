import { defineErrors } from '../../host/errors/errors.ts';

/** Errors of `zonewright platform` and `piadm`. Exit status 3: what the node boots from may be incomplete. */
export const platformErrors = defineErrors({
  StampInvalid: { message: '{stamp} is not the version of a platform image', exit: 2, hint: 'It looks like 20261121T154200Z; `zonewright platform list` shows those that are here.' },
  PlatformNotInstalled: { message: 'the platform image {stamp} is not installed', hint: '`zonewright platform list` shows those that are; `zonewright platform install` brings one.' },
  PlatformInUse: { message: 'the platform image {stamp} cannot be removed: {reason}', hint: 'Activate another one first.' },
  NotBootable: { message: 'the pool {pool} has no boot partitions, so this node does not boot from its own disks{why}', hint: 'They are made with the pool: `zonewright setup --disk DEVICE --bootable`. A node that boots by the network is told by its head node what to boot.' },
  OtherPool: { message: 'this node keeps its platform images in the pool {pool}, not in {other}', exit: 2 },
  BootDiskFailed: {
    message: 'the boot partition {partition} could not be written: {reason}',
    exit: 3,
    hint: 'The other boot partitions are as they were. When the disk is sound again: `zonewright platform bootable -r`.',
  },
  DiskTooSmall: { message: 'the disk {disk} has {have} GB; with boot partitions it needs {needed} GB', hint: 'Leave out --bootable, and boot this node from a USB stick or the network.' },
  NoPlatformSource: { message: 'there is nowhere to ask for platform images: this node has joined no head node', hint: 'Give --source URL.' },
  PlatformListInvalid: { message: '{url} does not say which platform images there are: {reason}' },
  PlatformInterrupted: { message: 'interrupted; nothing of it is left', exit: 130 },
  TrustedKeyUnknown: { message: 'no key {name} was added on this node', hint: '`zonewright platform key list` shows them. Those of the platform image itself cannot be removed.' },
  TrustedKeyExists: { message: 'the key {id} is trusted already, as {name}' },
});
