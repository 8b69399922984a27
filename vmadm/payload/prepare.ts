/**
 * From a payload to the record of a new instance (reference §2.2–§2.4). The order of the checks is that in which SmartOS
 * makes them, since the first one that fails is what the user reads.
 */
import { randomUUID } from 'node:crypto';
import type { Payload } from '../engine.ts';
import { vmErrors } from '../errors.ts';
import { BRANDS, HVM_BRANDS, isBrand, isHvm, ROOT_IMAGE_TYPES, type Brand } from './brands.ts';
import { disksOfNew, refuseBlockSizeOfImage } from './disks.ts';
import { dockerProperties } from './docker.ts';
import type { NewIds, PayloadFacts } from './facts.ts';
import { FILESYSTEM_PROPERTIES } from './filesystem-properties.ts';
import { showValue, type ValidationResult } from './findings.ts';
import { memoryOfNew } from './memory.ts';
import { newMac, nicsOfNew } from './nics.ts';
import { requireNoConflict } from './nic-rules.ts';
import { normalElement, normalPayload } from './normalise.ts';
import { PCI_DEVICE_PROPERTIES } from './pci-device-properties.ts';
import { slotKey } from './pci-slots.ts';
import type { FlatObject } from './property.ts';
import type { DiskRecord, FilesystemRecord, NicRecord, PciDeviceRecord, VmRecord } from './record.ts';
import { requireRoutes } from './routes.ts';
import { requireSingleProperties } from './single-properties.ts';
import { TOP_LEVEL } from './tables.ts';
import { bootDiskIndex } from './validate-disks.ts';
import { bootromOf, diskImage } from './validate-images.ts';
import { validatePayload } from './validate.ts';
import { isPlainObject, isUnset, listOf } from './values.ts';

export interface PreparedVm {
  readonly record: VmRecord;
  /** Properties of the payload that were dropped, each with the reason. */
  readonly warnings: string[];
}

/** Identifiers that nobody can foretell. */
export const RANDOM_IDS: NewIds = { uuid: randomUUID, mac: newMac, now: () => new Date() };
const HVM_PRIVILEGES = 'default,-file_link_any,-net_access,-proc_fork,-proc_info,-proc_session';
export const MOST_CPU_SHARES = 65535;
const DEFAULT_BRAND = 'joyent';

/**
 * Check a payload of create and complete it to a record.
 * @param others all instances of the node, those that are being created included.
 * @throws InvalidBrand, InvalidValues, MissingProperties, VmExists, Conflict, and those of nics, disks and routes
 */
export async function preparePayload(payload: Payload, facts: PayloadFacts, others: readonly VmRecord[], newIds: NewIds = RANDOM_IDS): Promise<PreparedVm> {
  if (!isPlainObject(payload)) throw vmErrors.PayloadNotObject();
  const brand = brandOfPayload(payload);
  if (isHvm(brand)) refuseBlockSizeOfImage(payload['disks']);
  const validation = await validatePayload('create', brand, payload, facts);
  requireValid(validation);
  const normal = withoutOlderNames(normalPayload('create', brand, payload));
  requireSingleProperties(normal);
  await requireRootImage(normal, brand, facts);
  const uuid = await newUuid(normal, facts, others, newIds);
  const record = await buildRecord({ normal, brand, uuid, facts, newIds });
  requireRoutes(record.routes, record.nics);
  requireNoConflict(record, others);
  return { record, warnings: [...validation.warnings] };
}

/** The brand that a payload is to be judged as. @throws InvalidBrand for one that does not exist */
export function brandOfPayload(payload: Payload): Brand {
  const brand = Object.hasOwn(payload, 'brand') ? payload['brand'] : undefined;
  if (isUnset(brand)) return DEFAULT_BRAND;
  if (isBrand(brand)) return brand;
  const shown = typeof brand === 'string' && /^[\w.-]{1,64}$/.test(brand) ? brand : showValue(brand).replace(/^"|"$/g, '');
  throw vmErrors.InvalidBrand({ brand: shown }, { hint: `Brands are: ${BRANDS.join(', ')}.` });
}

/** Refuse what validation found; dropped properties do not count. @throws InvalidValues, MissingProperties */
export function requireValid({ bad_values, missing_properties, details }: ValidationResult): void {
  if (bad_values.length > 0) throw vmErrors.InvalidValues({ names: bad_values.join(',') }, { details });
  if (missing_properties.length > 0) throw vmErrors.MissingProperties({ names: missing_properties.join(',') }, { details });
}

function withoutOlderNames(normal: Payload): Payload {
  const { dataset_uuid: image, zfs_storage_pool_name: pool, zone_dataset_uuid: _unused, ...rest } = normal;
  return { ...(image !== undefined && { image_uuid: image }), ...(pool !== undefined && { zpool: pool }), ...rest };
}

async function requireRootImage(normal: Payload, brand: Brand, facts: PayloadFacts): Promise<void> {
  const uuid = normal['image_uuid'];
  if (typeof uuid !== 'string') return;
  const type = (await facts.findImage(uuid))?.type ?? 'unknown';
  const types = ROOT_IMAGE_TYPES[brand];
  if (!types.includes(type)) throw vmErrors.WrongImageType({ image: uuid, type, brand, types: types.join(' or ') });
}

async function newUuid(normal: Payload, facts: PayloadFacts, others: readonly VmRecord[], newIds: NewIds): Promise<string> {
  const uuid = typeof normal['uuid'] === 'string' ? normal['uuid'] : newIds.uuid();
  if (others.some((other) => other.uuid === uuid)) throw vmErrors.VmExists({ uuid });
  if (await facts.datasetExists?.(uuid)) throw vmErrors.VmExists({ uuid }, { details: ['The pool has a dataset of that name which belongs to no instance.'] });
  return uuid;
}

interface Making {
  readonly normal: Payload;
  readonly brand: Brand;
  readonly uuid: string;
  readonly facts: PayloadFacts;
  readonly newIds: NewIds;
}

async function buildRecord(making: Making): Promise<VmRecord> {
  const { normal, brand, uuid, facts, newIds } = making;
  const now = newIds.now().toISOString();
  const kept = Object.entries(normal).filter(([name]) => !TOP_LEVEL[name]?.transient && !(name === 'ram' && !isHvm(brand)));
  const metadata = (normal['internal_metadata'] ?? {}) as FlatObject;
  const namespaces = normal['internal_metadata_namespaces'] as readonly string[] | undefined;
  const record = {
    ...defaultsFor(brand),
    ...Object.fromEntries(kept),
    uuid,
    brand,
    create_timestamp: now,
    last_modified: now,
    zpool: normal['zpool'] ?? facts.defaultPool ?? 'zones',
    cpu_shares: Math.min(Number(normal['cpu_shares'] ?? 100), MOST_CPU_SHARES),
    zfs_root_recsize: normal['zfs_root_recsize'] || 131072,
    internal_metadata: metadata,
    ...(normal['docker'] === true && dockerProperties(uuid, metadata, namespaces)),
    ...memoryOfNew(brand, normal),
    nics: nicsOf(making),
    ...(await machineParts(making)),
    ...(normal['filesystems'] !== undefined && { filesystems: filesystemsOf(making) }),
  };
  return record as unknown as VmRecord;
}

/** What a record holds when its payload says nothing. */
export function defaultsFor(brand: Brand): Readonly<Record<string, unknown>> {
  const fromTable = Object.entries(TOP_LEVEL).flatMap(([name, definition]) => {
    if (!definition.brands.includes(brand) || definition.type === 'reported') return [];
    if (definition.default !== undefined) return [[name, definition.default] as const];
    if (!definition.always) return [];
    if (definition.type === 'flat-object') return [[name, {}] as const];
    return definition.type === 'list' && !definition.joined ? [[name, []] as const] : [];
  });
  return {
    ...Object.fromEntries(fromTable),
    limit_priv: isHvm(brand) ? HVM_PRIVILEGES : 'default',
    quota: brand === 'bhyve' ? 1 : 10,
  };
}

function nicsOf({ normal, brand, facts, newIds }: Making): NicRecord[] {
  const driver = normal['nic_driver'] as string | undefined;
  return nicsOfNew((normal['nics'] ?? []) as readonly Payload[], { brand, driver, facts, newIds });
}

function filesystemsOf({ normal, brand }: Making): FilesystemRecord[] {
  return ((normal['filesystems'] ?? []) as readonly Payload[]).map((payload) => {
    const filesystem = normalElement(FILESYSTEM_PROPERTIES, brand, 'a', payload);
    return { ...filesystem, options: listOf(filesystem['options']) } as unknown as FilesystemRecord;
  });
}

interface MachineParts {
  readonly disks?: readonly DiskRecord[];
  readonly pci_devices?: readonly PciDeviceRecord[];
  readonly bootrom?: string;
}

async function machineParts({ normal, brand, uuid, facts, newIds }: Making): Promise<MachineParts> {
  if (!isHvm(brand)) return {};
  const devices = [...((normal['pci_devices'] ?? []) as Payload[]), ...((normal['add_pci_devices'] ?? []) as Payload[])].map(
    (payload) => normalElement(PCI_DEVICE_PROPERTIES, brand, 'a', payload) as unknown as PciDeviceRecord,
  );
  requireDistinctSlots(devices);
  const payloads = (normal['disks'] ?? []) as readonly Payload[];
  const disks = await disksOfNew(payloads, {
    brand,
    uuid,
    zpool: String(normal['zpool'] ?? facts.defaultPool ?? 'zones'),
    driver: normal['disk_driver'] as string | undefined,
    facts,
    newIds,
    takenSlots: devices.map(({ pci_slot }) => pci_slot),
  });
  const bootrom = normal['bootrom'] ?? bootromOf(await diskImage(payloads[bootDiskIndex(payloads)]?.['image_uuid'], facts));
  return {
    disks,
    ...(devices.length > 0 && { pci_devices: devices }),
    ...(brand === HVM_BRANDS[1] && typeof bootrom === 'string' && { bootrom }),
  };
}

/** @throws PciSlotTakenByDevice */
export function requireDistinctSlots(devices: readonly PciDeviceRecord[]): void {
  const seen = new Set<string>();
  for (const { pci_slot: slot } of devices) {
    if (seen.has(slotKey(slot))) throw vmErrors.PciSlotTakenByDevice({ slot });
    seen.add(slotKey(slot));
  }
}
