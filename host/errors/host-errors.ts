import { defineErrors } from './errors.ts';

/** Errors of the host's facilities. */
export const hostErrors = defineErrors({
  CommandFailed: { message: '{program} failed with {outcome}: {reason}' },
  CommandMissing: { message: 'cannot run {program}: it is not installed', hint: 'Run `zonewright setup`, which installs what is missing.' },
  LockTimeout: { message: 'another operation ({action}) has held {name} for {seconds} seconds' },
  UnsafePath: { message: 'refusing "{path}": {reason}' },
  UnsafeConfigValue: { message: 'refusing {key} = {value}: {reason}' },
  DatasetBusy: { message: 'dataset {dataset} stayed busy for {seconds} seconds', hint: 'Something on the host still uses a file below its mountpoint.' },
  NoUidRangeLeft: { message: 'no uid range is left: all {count} ranges of 65,536 ids are taken' },
  NodeNotReady: { message: 'this node is not set up: {reason}', exit: 2, hint: 'Run `zonewright setup` first.' },
  NodeConfigInvalid: { message: 'node configuration {path} cannot be used: {reason}', exit: 2 },
  OperationInterrupted: { message: 'interrupted: {verb} was stopped before step "{step}" and undone', exit: 130 },
  JournalUnknownStep: { message: 'journal {path} names the step kind "{kind}", which this version does not know' },
  ZoneStartFailed: { message: 'the zone did not start: {reason}' },
  MachineStartFailed: { message: 'the machine did not start: {reason}' },
  QmpFailed: { message: 'the machine monitor refused {command}: {reason}' },
  GuestAgentFailed: { message: 'the guest agent failed to {command}: {reason}' },
  LimitRefused: { message: 'the kernel refused {value} for {file}: more than that is in use', hint: 'Stop programs in the instance, or stop it and change the limit then.' },
  NicTagMissing: { message: 'Invalid nic tag "{tag}"' },
  NicTagExists: { message: 'nic tag "{tag}" already exists' },
  NicTagInvalid: { message: 'nic tag "{tag}" is not valid: {reason}' },
  NotABridge: { message: '{interface} is not a bridge' },
  BridgeInUse: { message: 'bridge {bridge} is in use by {ports}' },
  VlanUnsupported: {
    message: 'nic {mac}: vlan_id {vlan} cannot be had on nic tag "{tag}": its bridge {bridge} does not tell VLANs apart',
    hint: 'Remove vlan_id, or use a nic tag whose uplink is in that VLAN. A bridge that filters VLANs needs a kernel with CONFIG_BRIDGE_VLAN_FILTERING.',
  },
  UplinkHasAddress: {
    message: 'interface {interface} has the address {address}, which it would lose as part of a bridge',
    hint: 'Use an interface without addresses, or a bridge that the host has configured itself.',
  },
  ZfsDaemonFailed: {
    message: 'the zfs-fuse daemon did not answer within {seconds} seconds',
    hint: 'Its last words are in the system log: journalctl -t zfs-fuse, or /var/log/syslog.',
  },
  AddressInvalid: { message: '"{address}" is not an IPv4 address with a prefix length, like 10.77.0.1/24' },
  DiskUnusable: { message: 'disk {disk} cannot be used: {reason}' },
  KeyInvalid: { message: 'a private key cannot be used: it is damaged or not an ECDSA key on P-256' },
  RequestInvalid: { message: 'the certificate request cannot be used: {reason}', status: 409 },
  CertificateInvalid: { message: 'the certificate cannot be used: {reason}' },
});
