/** The fields that `list` and `lookup` know (reference §4.1). */
import type { VmObject } from '../engine.ts';

export interface Column {
  readonly field: string;
  readonly header: string;
  readonly width: number;
}

/** Header and width of every simple field. */
const COLUMNS: Readonly<Record<string, readonly [header: string, width: number]>> = {
  alias: ['ALIAS', 10],
  autoboot: ['AUTOBOOT', 8],
  billing_id: ['BILLING_ID', 36],
  boot_timestamp: ['BOOT_TIMESTAMP', 24],
  brand: ['BRAND', 14],
  cpu_cap: ['CPU_CAP', 7],
  cpu_shares: ['CPU_SHARE', 9],
  cpu_type: ['CPU_TYPE', 8],
  create_timestamp: ['CREATE_TIMESTAMP', 24],
  dns_domain: ['DOMAIN', 32],
  do_not_inventory: ['DNI', 5],
  docker: ['DOCKER', 6],
  exit_status: ['EXIT', 4],
  exit_timestamp: ['EXIT_TIMESTAMP', 24],
  firewall_enabled: ['FIREWALL_ENABLED', 16],
  flexible_disk_size: ['FLEX_DISK_SIZE', 14],
  free_space: ['FREE_SPACE', 14],
  hostname: ['HOSTNAME', 32],
  hvm: ['HVM', 5],
  image_uuid: ['IMAGE_UUID', 36],
  indestructible_delegated: ['INDESTR_DATA', 12],
  indestructible_zoneroot: ['INDESTR_ROOT', 12],
  ram: ['RAM', 7],
  max_locked_memory: ['MAX_LOCKED', 10],
  max_lwps: ['MAX_LWP', 7],
  max_physical_memory: ['MAX_PHYS', 8],
  max_swap: ['MAX_SWAP', 8],
  owner_uuid: ['OWNER_UUID', 36],
  package_name: ['PACKAGE_NAME', 32],
  package_version: ['PACKAGE_VER', 11],
  pid: ['PID', 6],
  qemu_extra_opts: ['QEMU_EXTRA_OPTS', 15],
  quota: ['QUOTA', 5],
  zone_state: ['ZONE_STATE', 10],
  state: ['STATE', 16],
  tmpfs: ['TMPFS', 5],
  type: ['TYPE', 4],
  uuid: ['UUID', 36],
  vcpus: ['VCPUS', 5],
  zfs_io_priority: ['IO_PRIORITY', 11],
  zpool: ['ZPOOL', 12],
  zonename: ['ZONENAME', 12],
  zonepath: ['ZONEPATH', 40],
  zoneid: ['ZONEID', 6],
};

const NESTED_WIDTH = 20;
const NESTED = [
  /^disks\.(\*|\d+)\.(boot|image_name|image_size|image_uuid|size|media|model|zpool)$/,
  /^nics\.(\*|\d+)\.(dhcp_server|gateway|interface|ip|mac|model|netmask|nic_tag|vlan_id)$/,
  /^(tags|customer_metadata|internal_metadata)\.(.+)$/s,
];

/** Whether a field may be named at all; with `*` it may only be filtered by. */
export function isField(name: string): boolean {
  return Object.hasOwn(COLUMNS, name) || NESTED.some((pattern) => pattern.test(name));
}

/** Whether a field stands for one of every nic or disk. */
export function isWildcard(name: string): boolean {
  return /^(nics|disks)\.\*\./.test(name);
}

/** How a field is shown. */
export function columnOf(field: string): Column {
  const [header, width] = Object.hasOwn(COLUMNS, field) ? (COLUMNS[field] ?? ['', 0]) : [field.toUpperCase(), NESTED_WIDTH];
  return { field, header, width };
}

/** The properties of an instance that a field is made of. */
export function propertiesOf(field: string): string[] {
  return field === 'ram' ? ['ram', 'max_physical_memory'] : [field.split('.')[0] ?? field];
}

/** What instances have for a field: none, one, or with `*` one of each element. Looked at once for any number of instances. */
export function valuesOf(field: string): (vm: VmObject) => readonly unknown[] {
  const [, flat, key] = /^(tags|customer_metadata|internal_metadata)\.(.+)$/s.exec(field) ?? [];
  if (flat !== undefined && key !== undefined) return (vm) => present(property(vm[flat], key));
  const [, list, which, attribute] = /^(nics|disks)\.(\*|\d+)\.(.+)$/.exec(field) ?? [];
  if (list !== undefined && which !== undefined && attribute !== undefined) {
    return (vm) => {
      const elements = Array.isArray(vm[list]) ? (vm[list] as readonly unknown[]) : [];
      const chosen = which === '*' ? elements : elements.slice(Number(which), Number(which) + 1);
      return chosen.flatMap((element) => present(property(element, attribute)));
    };
  }
  return (vm) => present(simpleValue(vm, field));
}

/** The first of what instances have for a field, undefined for none: what a table shows and sorts by. */
export function valueOf(field: string): (vm: VmObject) => unknown {
  if (!Object.hasOwn(COLUMNS, field)) {
    const values = valuesOf(field);
    return (vm) => values(vm)[0];
  }
  return (vm) => {
    const value = simpleValue(vm, field);
    return value === null || value === '' ? undefined : value;
  };
}

/** Zones have no ram, and a type is shown by its first four letters. */
function simpleValue(vm: VmObject, field: string): unknown {
  if (field === 'ram' && vm['hvm'] !== true) return vm['max_physical_memory'];
  const value = property(vm, field);
  return field === 'type' && typeof value === 'string' ? value.slice(0, 4) : value;
}

function property(object: unknown, name: string): unknown {
  return typeof object === 'object' && object !== null && Object.hasOwn(object, name) ? (object as Record<string, unknown>)[name] : undefined;
}

function present(value: unknown): readonly unknown[] {
  return value === undefined || value === null || value === '' ? [] : [value];
}
