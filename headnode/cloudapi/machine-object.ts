/** The machine object (control-plane §7.4), made of what VMAPI knows of a VM. */
import { basename } from 'node:path';
import type { Packages, Vm, WireObject } from '../services.ts';

const STATES: Readonly<Record<string, string>> = {
  configured: 'provisioning',
  incomplete: 'provisioning',
  provisioning: 'provisioning',
  receiving: 'provisioning',
  running: 'running',
  ready: 'stopping',
  halting: 'stopping',
  stopping: 'stopping',
  shutting_down: 'stopping',
  off: 'stopped',
  down: 'stopped',
  installed: 'stopped',
  stopped: 'stopped',
  unreachable: 'offline',
  destroyed: 'deleted',
  failed: 'failed',
};

/** A VM's state as accounts are told it; `unknown` while its node is silent. */
export function machineState(vmState: string): string {
  return STATES[vmState] ?? 'unknown';
}

/** The VM state to ask VMAPI for when machines of a state are wanted. */
export function vmStateOf(state: string): string {
  return state === 'deleted' ? 'destroyed' : state;
}

/** Machines of several VMs; their packages are looked up in one query. */
export async function toMachines(vms: readonly Vm[], packages: Packages): Promise<WireObject[]> {
  const names = vms.some(hasPackage) ? new Map((await packages.list({ limit: 100_000 })).packages.map(({ uuid, name }) => [uuid, name])) : new Map<string, string>();
  return vms.map((vm) => toMachine(vm, names.get(String(vm['billing_id']))));
}

export async function toMachineOf(vm: Vm, packages: Packages): Promise<WireObject> {
  return toMachine(vm, hasPackage(vm) ? (await packages.get(String(vm['billing_id'])))?.name : undefined);
}

export function isHvm(brand: string): boolean {
  return brand === 'kvm' || brand === 'bhyve';
}

function hasPackage(vm: Vm): boolean {
  return typeof vm['billing_id'] === 'string' && !/^[0-]+$/.test(vm['billing_id']);
}

function toMachine(vm: Vm, packageName: string | undefined): WireObject {
  const hvm = isHvm(vm.brand);
  const disks = objects(vm['disks']);
  const nics = objects(vm['nics']).map(toNic);
  return {
    id: vm.uuid,
    name: vm['alias'] ?? vm.uuid.slice(0, 8),
    type: hvm ? 'virtualmachine' : 'smartmachine',
    brand: vm.brand,
    state: machineState(vm.state),
    image: vm['image_uuid'] ?? disks.find(({ image_uuid }) => image_uuid !== undefined)?.['image_uuid'],
    ips: nics.flatMap(({ ip }) => (typeof ip === 'string' ? [ip] : [])),
    memory: Number((hvm ? vm['ram'] : undefined) ?? vm['max_physical_memory'] ?? vm['ram'] ?? 0),
    disk: hvm ? disks.reduce((total, { size }) => total + Number(size ?? 0), 0) : Number(vm['quota'] ?? 0) * 1024,
    metadata: vm['customer_metadata'] ?? {},
    tags: vm['tags'] ?? {},
    created: vm['create_timestamp'],
    updated: vm['last_modified'] ?? vm['create_timestamp'],
    networks: [...new Set(nics.flatMap(({ network }) => (typeof network === 'string' ? [network] : [])))],
    nics,
    ...(hvm && { disks: disks.map(toDisk) }),
    primaryIp: (nics.find(({ primary }) => primary === true) ?? nics[0])?.['ip'],
    firewall_enabled: vm['firewall_enabled'] === true,
    deletion_protection: vm['indestructible_zoneroot'] === true,
    compute_node: vm['server_uuid'],
    package: packageName ?? vm['package_name'] ?? '',
    dns_names: [],
    delegate_dataset: Array.isArray(vm['datasets']) && vm['datasets'].length > 0,
    ...(vm['docker'] === true && { docker: true }),
  };
}

/** @param nic a VM's or NAPI's nic */
export function toNic(nic: WireObject): WireObject {
  const { mac, ip, netmask, gateway, network_uuid, state } = nic;
  const dhcp = ip === 'dhcp';
  return { mac, primary: nic['primary'] === true, ip: dhcp ? undefined : ip, netmask: dhcp ? undefined : netmask, gateway, network: network_uuid, ...(state === undefined ? {} : { state }) };
}

/** A disk has no id of its own on a node: its volume's name is unique within the machine, and counts disks until there is one. */
export function toDisk(disk: WireObject, index: number): WireObject {
  const { uuid, path, pci_slot, size, boot, image_uuid } = disk;
  return { id: uuid ?? (typeof path === 'string' ? basename(path) : `disk${index}`), pci_slot, size, boot: boot === true, ...(image_uuid === undefined ? {} : { image: image_uuid }) };
}

function objects(value: unknown): readonly WireObject[] {
  return Array.isArray(value) ? (value as readonly WireObject[]) : [];
}
