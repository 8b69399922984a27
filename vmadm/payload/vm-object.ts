/** What `vmadm get` prints: an instance's record and what the kernel knows of it (reference §2.3, §2.7). */
import type { VmObject } from '../engine.ts';
import { isHvm, typeOfBrand } from './brands.ts';
import { DISK_PROPERTIES } from './disk-properties.ts';
import { dockerReport } from './docker.ts';
import { FILESYSTEM_PROPERTIES } from './filesystem-properties.ts';
import { ipAndNetmask } from './nic-addresses.ts';
import { NIC_PROPERTIES } from './nic-properties.ts';
import { PCI_DEVICE_PROPERTIES } from './pci-device-properties.ts';
import type { PropertyDefinition, PropertyTable } from './property.ts';
import type { NicRecord, VmRecord } from './record.ts';
import { TOP_LEVEL } from './tables.ts';

/** What is read from the node and the kernel for each `get`. */
export interface LiveFacts {
  readonly state: string;
  readonly zone_state: string;
  readonly server_uuid: string;
  readonly platform_buildstamp: string;
  readonly pool_mountpoint: string;
  readonly pid?: number | undefined;
  readonly zoneid?: number | undefined;
  readonly boot_timestamp?: string | undefined;
  readonly datacenter_name?: string | undefined;
  readonly exit_status?: number | undefined;
  readonly exit_timestamp?: string | undefined;
  /** The last lines of the console of a machine that ended by itself. */
  readonly exit_console?: readonly string[] | undefined;
  /** Why a machine that runs stands still, and since when. */
  readonly paused?: { readonly reason: string; readonly since: string } | undefined;
  readonly init_restarts?: number | undefined;
  readonly last_modified?: string | undefined;
  readonly snapshots?: readonly unknown[] | undefined;
  readonly free_space?: number | undefined;
  readonly missing?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly transition_to?: string | undefined;
  readonly transition_expire?: number | undefined;
}

const DOCKER_INIT = '/native/usr/vm/sbin/dockerinit';

/**
 * The object that `get` prints. Only names of the property table are in it, in the table's order.
 * @param names the only ones of them that are wanted, if given.
 */
export function toVmObject(record: VmRecord, live: LiveFacts, names?: readonly string[]): VmObject {
  const { pool_mountpoint: mountpoint, ...reported } = live;
  const running = live.zone_state === 'running';
  const values: Readonly<Record<string, unknown>> = {
    ...record,
    ...(record.docker && { init_name: record.init_name ?? DOCKER_INIT, ...dockerReport(record.internal_metadata) }),
    ...reported,
    zonename: record.zonename ?? record.uuid,
    type: typeOfBrand(record.brand),
    hvm: isHvm(record.brand),
    zonepath: `${mountpoint}/${record.uuid}`,
    zfs_filesystem: `${record.zpool}/${record.uuid}`,
    init_restarts: live.init_restarts ?? 0,
    snapshots: live.snapshots ?? [],
    last_modified: live.last_modified ?? record.last_modified,
    zoneid: running ? (live.zoneid ?? record.zonedid) : undefined,
    ...(names === undefined || COLLECTIONS.some((name) => names.includes(name)) ? shownCollections(record) : {}),
  };
  return shown(names ? only(names) : TOP_LEVEL, values) as VmObject;
}

const COLLECTIONS = ['nics', 'disks', 'filesystems', 'pci_devices'];

function shownCollections(record: VmRecord): Readonly<Record<string, unknown>> {
  return {
    nics: record.nics.map(shownNic),
    disks: isHvm(record.brand) ? (record.disks ?? []).map((disk) => shown(DISK_PROPERTIES, disk)) : undefined,
    filesystems: record.filesystems?.map((filesystem) => shown(FILESYSTEM_PROPERTIES, filesystem)),
    pci_devices: record.pci_devices?.map((device) => shown(PCI_DEVICE_PROPERTIES, device)),
  };
}

const tables = new WeakMap<readonly string[], PropertyTable>();

/** The rows of these names. One list of names serves many instances. */
function only(names: readonly string[]): PropertyTable {
  let table = tables.get(names);
  if (!table) tables.set(names, (table = Object.fromEntries(Object.entries(TOP_LEVEL).filter(([name]) => names.includes(name)))));
  return table;
}

function shownNic(nic: NicRecord): Readonly<Record<string, unknown>> {
  return shown(NIC_PROPERTIES, { ...nic, ...ipAndNetmask(nic.ips), gateway: nic.gateways?.[0] });
}

function shown(table: PropertyTable, values: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(table).flatMap(([name, definition]) => {
      const value = Object.hasOwn(values, name) ? values[name] : undefined;
      return value === undefined || isHidden(definition, value) ? [] : [[name, value]];
    }),
  );
}

function isHidden({ hidden }: PropertyDefinition, value: unknown): boolean {
  switch (hidden) {
    case 'always':
      return true;
    case 'when-false':
      return value !== true;
    case 'when-true':
      return value !== false;
    case 'when-zero':
      return value === 0;
    case 'when-empty':
      return Array.isArray(value) ? value.length === 0 : value === '';
    case undefined:
      return false;
  }
}
