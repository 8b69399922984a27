/**
 * From a record and the payload of an update to the new record (reference §2.6). Nothing is done to the instance here:
 * what changed, and when each change takes effect, is part of the answer.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Payload } from '../engine.ts';
import { vmErrors } from '../errors.ts';
import { HVM_BRANDS, isHvm } from './brands.ts';
import type { PayloadFacts } from './facts.ts';
import { FILESYSTEM_PROPERTIES } from './filesystem-properties.ts';
import { memoryAfterUpdate, type MemoryPayload } from './memory.ts';
import { requireNoConflict } from './nic-rules.ts';
import { normalElement, normalPayload } from './normalise.ts';
import { PCI_DEVICE_PROPERTIES } from './pci-device-properties.ts';
import { defaultsFor, MOST_CPU_SHARES, RANDOM_IDS, requireDistinctSlots, requireValid } from './prepare.ts';
import type { FlatObject } from './property.ts';
import type { FilesystemRecord, PciDeviceRecord, VmRecord } from './record.ts';
import { requireRoutes } from './routes.ts';
import { requireSingleProperties } from './single-properties.ts';
import { definitionOf, TOP_LEVEL } from './tables.ts';
import { disksAfterUpdate, requireStoppedFor, type LiveState } from './update-disks.ts';
import { elementsOf, merged, requireOperators } from './update-elements.ts';
import { nicsAfterUpdate } from './update-nics.ts';
import { isAllowed, validatePayload } from './validate.ts';
import { isPlainObject, listOf } from './values.ts';
import { showJson } from './findings.ts';

/** A property that an update changed, and when the change takes effect. */
export interface Change {
  readonly property: string;
  readonly applies: 'live' | 'reboot' | 'stop';
}

export interface UpdatedVm {
  readonly record: VmRecord;
  readonly changes: readonly Change[];
  /** Properties of the payload that were dropped, each with the reason. */
  readonly warnings: string[];
}

export interface UpdateSurroundings {
  readonly facts: PayloadFacts;
  /** All instances of the node, this one included or not. */
  readonly others: readonly VmRecord[];
  readonly live: LiveState;
  readonly newIds?: typeof RANDOM_IDS;
}

/** Never changed by an update, and no error either. */
const IMMUTABLE = ['brand', 'hvm', 'last_modified', 'server_uuid', 'uuid', 'zonename'];
const MEMORY = ['ram', 'max_physical_memory', 'max_locked_memory', 'max_swap', 'max_shm_memory', 'tmpfs'];
const FLAT_OBJECTS = ['tags', 'customer_metadata', 'internal_metadata', 'routes'] as const;

/** Check a payload of update and apply it to a record. @throws the errors of create, and those of reference §2.4 for updates */
export async function applyUpdate(record: VmRecord, payload: Payload, surroundings: UpdateSurroundings): Promise<UpdatedVm> {
  if (!isPlainObject(payload)) throw vmErrors.PayloadNotObject();
  const { facts, others, live, newIds = RANDOM_IDS } = surroundings;
  const mutable = Object.fromEntries(Object.entries(payload).filter(([name]) => !IMMUTABLE.includes(name)));
  requireOperators(mutable);
  const flexible = record.flexible_disk_size === undefined ? {} : { flexible_disk_size: record.flexible_disk_size };
  const validation = await validatePayload('update', record.brand, { ...flexible, ...mutable }, facts);
  requireValid(validation);
  const allowed = Object.fromEntries(Object.entries(mutable).filter(([name]) => isAllowed(definitionOf(TOP_LEVEL, name), 'u', record.brand)));
  if (isHvm(record.brand)) requireStoppedFor(allowed, record.disks ?? [], live);
  const normal = normalPayload('update', record.brand, allowed);
  requireSingleProperties(normal);
  const updated = {
    ...withScalars(record, allowed, normal),
    ...memoryAfterUpdate(record.brand, record, pick(normal, MEMORY)),
    ...flatObjects(record, normal),
    nics: nicsAfterUpdate(record.nics, {
      brand: record.brand,
      payload: allowed,
      driver: (normal['nic_driver'] ?? record.nic_driver) as string | undefined,
      facts,
      newIds,
    }),
    ...(!isHvm(record.brand) && hasOperators(allowed, 'filesystems') && { filesystems: filesystemsAfterUpdate(record, allowed) }),
    ...(await machineParts(record, allowed, normal, { facts, newIds })),
  } as VmRecord;
  requireRoutes(updated.routes, updated.nics);
  requireNoConflict(updated, others);
  return { record: { ...updated, last_modified: newIds.now().toISOString() }, changes: changesBetween(record, updated), warnings: [...validation.warnings] };
}

/** Properties of one value: given ones replaced, emptied ones back to their default or gone. */
function withScalars(record: VmRecord, allowed: Payload, normal: Payload): Payload {
  const defaults = defaultsFor(record.brand);
  const result = new Map<string, unknown>(Object.entries(record));
  for (const name of Object.keys(allowed)) {
    if (MEMORY.includes(name) || TOP_LEVEL[name]?.transient || TOP_LEVEL[name]?.elements) continue;
    const value = normal[name];
    const isEmpty = value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
    if (!isEmpty) result.set(name, value);
    else if (Object.hasOwn(defaults, name)) result.set(name, defaults[name]);
    else result.delete(name);
  }
  return {
    ...Object.fromEntries(result),
    cpu_shares: Math.min(Number(result.get('cpu_shares')), MOST_CPU_SHARES),
    zfs_root_recsize: result.get('zfs_root_recsize') || 131072,
  };
}

function flatObjects(record: VmRecord, normal: Payload): Readonly<Record<string, FlatObject>> {
  return Object.fromEntries(
    FLAT_OBJECTS.map((name) => {
      const removed = new Set(listOf(normal[`remove_${name}`]));
      const kept = Object.entries(record[name]).filter(([key]) => !removed.has(key));
      return [name, Object.fromEntries([...kept, ...Object.entries((normal[`set_${name}`] ?? {}) as FlatObject)])];
    }),
  );
}

function filesystemsAfterUpdate(record: VmRecord, allowed: Payload): FilesystemRecord[] {
  const filesystems = new Map((record.filesystems ?? []).map((filesystem) => [filesystem.target, filesystem]));
  const known = (target: unknown): FilesystemRecord => {
    const filesystem = filesystems.get(String(target));
    if (!filesystem) throw vmErrors.FilesystemUnknown({ target: String(target) });
    return filesystem;
  };
  for (const target of listOf(allowed['remove_filesystems'])) filesystems.delete(known(target).target);
  for (const change of elementsOf(allowed, 'update_filesystems')) {
    const old = known(change['target']);
    filesystems.set(old.target, filesystemOf(merged(FILESYSTEM_PROPERTIES, { ...old }, change), record));
  }
  for (const addition of elementsOf(allowed, 'add_filesystems')) {
    const filesystem = filesystemOf(addition, record);
    filesystems.set(filesystem.target, filesystem);
  }
  return [...filesystems.values()];
}

function filesystemOf(payload: Payload, { brand }: VmRecord): FilesystemRecord {
  const filesystem = normalElement(FILESYSTEM_PROPERTIES, brand, 'a', payload);
  return { ...filesystem, options: listOf(filesystem['options']) } as unknown as FilesystemRecord;
}

interface MachineUpdate {
  readonly facts: PayloadFacts;
  readonly newIds: typeof RANDOM_IDS;
}

async function machineParts(record: VmRecord, allowed: Payload, normal: Payload, { facts, newIds }: MachineUpdate): Promise<Partial<VmRecord>> {
  const { brand } = record;
  if (!isHvm(brand)) return {};
  const devices = brand === HVM_BRANDS[1] ? devicesAfterUpdate(record, allowed) : [];
  const disks = await disksAfterUpdate(record.disks ?? [], allowed, {
    brand,
    uuid: record.uuid,
    zpool: record.zpool,
    driver: (normal['disk_driver'] ?? record.disk_driver) as string | undefined,
    facts,
    newIds,
    takenSlots: devices.map(({ pci_slot }) => pci_slot),
  });
  return { disks, ...((devices.length > 0 || record.pci_devices) && { pci_devices: devices }) };
}

function devicesAfterUpdate(record: VmRecord, allowed: Payload): PciDeviceRecord[] {
  const whole = allowed['pci_devices'] === undefined ? (record.pci_devices ?? []) : elementsOf(allowed, 'pci_devices').map((device) => deviceOf(device));
  const devices = new Map(whole.map((device) => [device.path, device]));
  const known = (path: unknown): PciDeviceRecord => {
    const device = devices.get(String(path));
    if (!device) throw vmErrors.PciDeviceUnknown({ path: showJson(path) });
    return device;
  };
  for (const path of listOf(allowed['remove_pci_devices'])) devices.delete(known(path).path);
  for (const change of elementsOf(allowed, 'update_pci_devices')) {
    const old = known(change['path']);
    devices.set(old.path, deviceOf(merged(PCI_DEVICE_PROPERTIES, { ...old }, change)));
  }
  for (const addition of elementsOf(allowed, 'add_pci_devices')) devices.set(String(addition['path']), deviceOf(addition));
  const all = [...devices.values()];
  requireDistinctSlots(all);
  return all;
}

function deviceOf(payload: Payload): PciDeviceRecord {
  return normalElement(PCI_DEVICE_PROPERTIES, 'bhyve', 'a', payload) as unknown as PciDeviceRecord;
}

function hasOperators(payload: Payload, name: string): boolean {
  return ['add', 'update', 'remove'].some((operator) => payload[`${operator}_${name}`] !== undefined);
}

/** When a collection's change takes effect is said in the rows of its operators. */
function changesBetween(before: VmRecord, after: VmRecord): Change[] {
  return Object.keys(TOP_LEVEL).flatMap((property) => {
    const name = property as keyof VmRecord;
    if (isDeepStrictEqual(before[name], after[name])) return [];
    const definition = TOP_LEVEL[property]?.applies ? TOP_LEVEL[property] : (TOP_LEVEL[`add_${property}`] ?? TOP_LEVEL[`set_${property}`]);
    return [{ property, applies: definition?.applies ?? 'live' }];
  });
}

function pick(payload: Payload, names: readonly string[]): MemoryPayload {
  return Object.fromEntries(Object.entries(payload).filter(([name]) => names.includes(name)));
}
