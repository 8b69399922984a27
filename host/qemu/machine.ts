/**
 * A machine as QEMU runs it: what it has, in our terms, and the options that say so. Every path here is one inside the
 * machine's jail.
 */
import type { Accelerator } from './accelerator.ts';
import type { QemuOption } from './command-line.ts';

/** One disk. Its format is always named: QEMU never guesses. */
export interface MachineDisk {
  readonly path: string;
  readonly model: 'virtio' | 'ide' | 'scsi' | 'ahci' | 'nvme';
  readonly media: 'disk' | 'cdrom';
  /** Lower boots first; undefined never boots. */
  readonly bootIndex?: number;
  readonly serial: string;
  readonly blockSize?: { readonly logical: number; readonly physical: number };
  readonly trim: boolean;
}

/** One nic, on an open tap whose descriptor QEMU inherits. */
export interface MachineNic {
  readonly descriptor: number;
  readonly model: 'virtio' | 'e1000' | 'rtl8139';
  readonly mac: string;
  readonly mtu?: number;
}

export interface Machine {
  readonly uuid: string;
  readonly memory: number;
  readonly cpus: number;
  /** `host`, `max`, or a model's name. */
  readonly cpuType: string;
  readonly accelerator: Accelerator;
  readonly disks: readonly MachineDisk[];
  readonly nics: readonly MachineNic[];
  readonly vga: string;
  /** QEMU's letters, `cd`, `n`, `cd,once=d`; undefined leaves it to the disks' boot indexes. */
  readonly bootOrder?: string;
  readonly firmware: { readonly kind: 'bios' } | { readonly kind: 'uefi'; readonly code: string; readonly variables: string };
  readonly vncPasswordFile?: string;
  /** The directory that holds the machine's sockets. */
  readonly sockets: string;
  /** The directory for what it prints; small, so that endless output fills nothing else. */
  readonly log: string;
}

/** Names of a machine's sockets, in the directory that it has for them. */
export const SOCKETS = {
  /** For whoever supervises it. */
  supervisor: 'qmp.supervisor',
  /** For everyone else's short visits. */
  control: 'qmp.control',
  console: 'console',
  metadata: 'ttyb',
  vnc: 'vnc',
  guestAgent: 'qga',
} as const;

/** All options of a machine. Reference §3.5 lists those that guests and tools recognise. */
export function machineOptions(machine: Machine): QemuOption[] {
  return [
    ...identityOptions(machine),
    ...processorOptions(machine),
    ...firmwareOptions(machine),
    ...channelOptions(machine),
    ...machine.disks.flatMap((disk, index) => diskOptions(disk, index)),
    ...machine.nics.flatMap((nic, index) => nicOptions(nic, index)),
    ...displayOptions(machine),
  ];
}

function identityOptions({ uuid }: Machine): QemuOption[] {
  return [
    { name: 'nodefaults' },
    { name: 'no-user-config' },
    { name: 'name', first: uuid },
    { name: 'uuid', first: uuid },
    { name: 'smbios', keys: { type: 1, manufacturer: 'Joyent', product: 'SmartDC HVM', version: '7.0', serial: uuid, uuid } },
    // A guest that breaks into QEMU finds no way to another program, identity or priority.
    { name: 'sandbox', first: 'on', keys: { obsolete: 'deny', elevateprivileges: 'deny', spawn: 'deny', resourcecontrol: 'deny' } },
  ];
}

function processorOptions({ accelerator, cpus, cpuType, memory }: Machine): QemuOption[] {
  const tcg = accelerator.name === 'tcg';
  return [
    { name: 'machine', first: 'q35', keys: { accel: accelerator.name, 'dump-guest-core': false } },
    // There is no host processor to pass through without KVM; `max` is all that the emulator has.
    { name: 'cpu', first: tcg && cpuType === 'host' ? 'max' : cpuType },
    { name: 'smp', first: cpus },
    { name: 'm', first: memory },
    { name: 'rtc', keys: { base: 'utc', driftfix: 'slew' } },
  ];
}

function firmwareOptions({ firmware, bootOrder }: Machine): QemuOption[] {
  const order: QemuOption[] = bootOrder === undefined ? [] : [bootOption(bootOrder)];
  if (firmware.kind === 'bios') return order;
  return [
    ...order,
    { name: 'drive', keys: { if: 'pflash', unit: 0, format: 'raw', readonly: true, file: firmware.code } },
    { name: 'drive', keys: { if: 'pflash', unit: 1, format: 'raw', file: firmware.variables } },
  ];
}

/** SmartOS passes QEMU's own syntax on: `cd`, `order=cd`, `cd,once=d`. Only letters of drives get through. */
function bootOption(order: string): QemuOption {
  const [, letters, once] = /^(?:order=)?([a-dn-p]{1,4})(?:,once=([a-dn-p]{1,4}))?$/.exec(order) ?? [];
  return { name: 'boot', keys: { order: letters ?? 'cd', once, menu: false } };
}

function channelOptions({ sockets, log }: Machine): QemuOption[] {
  const socket = (id: string, name: string, more = {}): QemuOption => ({ name: 'chardev', first: 'socket', keys: { id, path: `${sockets}/${name}`, server: true, wait: false, ...more } });
  return [
    socket('supervisor', SOCKETS.supervisor),
    { name: 'mon', keys: { chardev: 'supervisor', mode: 'control' } },
    socket('control', SOCKETS.control),
    { name: 'mon', keys: { chardev: 'control', mode: 'control' } },
    // Opened for appending, so whoever supervises can cut it back while the machine runs.
    socket('console', SOCKETS.console, { logfile: `${log}/console.log`, logappend: true }),
    { name: 'serial', first: 'chardev:console' },
    socket('metadata', SOCKETS.metadata),
    { name: 'serial', first: 'chardev:metadata' },
    { name: 'device', first: 'virtio-serial-pci' },
    socket('agent', SOCKETS.guestAgent),
    { name: 'device', first: 'virtserialport', keys: { chardev: 'agent', name: 'org.qemu.guest_agent.0' } },
    { name: 'device', first: 'virtio-rng-pci' },
  ];
}

function diskOptions(disk: MachineDisk, index: number): QemuOption[] {
  const id = `disk${index}`;
  const cdrom = disk.media === 'cdrom';
  const drive: QemuOption = {
    name: 'drive',
    keys: { if: 'none', id, file: disk.path, format: 'raw', media: disk.media, readonly: cdrom, cache: 'none', aio: 'threads', discard: disk.trim ? 'unmap' : 'ignore' },
  };
  const common = {
    drive: id,
    bootindex: disk.bootIndex,
    serial: disk.serial,
    logical_block_size: disk.blockSize?.logical,
    physical_block_size: disk.blockSize?.physical,
  };
  const device = cdrom ? { ...common, serial: undefined, logical_block_size: undefined, physical_block_size: undefined } : common;
  switch (cdrom ? 'ide' : disk.model) {
    case 'virtio':
      return [drive, { name: 'device', first: 'virtio-blk-pci', keys: device }];
    case 'nvme':
      return [drive, { name: 'device', first: 'nvme', keys: device }];
    case 'scsi':
      return [drive, { name: 'device', first: 'virtio-scsi-pci', keys: { id: `scsi${index}` } }, { name: 'device', first: 'scsi-hd', keys: { ...device, bus: `scsi${index}.0` } }];
    default:
      return [drive, { name: 'device', first: cdrom ? 'ide-cd' : 'ide-hd', keys: { ...device, bus: `ide.${index}` } }];
  }
}

const NIC_DEVICES = { virtio: 'virtio-net-pci', e1000: 'e1000', rtl8139: 'rtl8139' } as const;

function nicOptions(nic: MachineNic, index: number): QemuOption[] {
  const id = `net${index}`;
  return [
    { name: 'netdev', first: 'tap', keys: { id, fd: nic.descriptor } },
    { name: 'device', first: NIC_DEVICES[nic.model], keys: { netdev: id, mac: nic.mac, host_mtu: nic.model === 'virtio' ? nic.mtu : undefined } },
  ];
}

function displayOptions({ sockets, vga, vncPasswordFile }: Machine): QemuOption[] {
  const password: QemuOption[] = vncPasswordFile === undefined ? [] : [{ name: 'object', first: 'secret', keys: { id: 'vnc-password', file: vncPasswordFile } }];
  return [
    ...password,
    { name: 'vga', first: vga },
    { name: 'display', first: 'none' },
    { name: 'vnc', first: `unix:${sockets}/${SOCKETS.vnc}`, keys: { 'password-secret': vncPasswordFile === undefined ? undefined : 'vnc-password' } },
    { name: 'device', first: 'qemu-xhci' },
    { name: 'device', first: 'usb-tablet' },
  ];
}
