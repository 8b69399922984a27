/** From the disks of a payload to those of a record (reference §2.3, §2.4, §2.8). */
import type { Payload } from '../engine.ts';
import { vmErrors } from '../errors.ts';
import { DISK_MODELS, type HvmBrand } from './brands.ts';
import { DISK_PROPERTIES, type DiskRecord } from './disk-properties.ts';
import type { NewIds, PayloadFacts } from './facts.ts';
import { normalElement } from './normalise.ts';
import { assignPciSlots } from './pci-slots.ts';
import { COMPRESSIONS, isRecordSize } from './single-properties.ts';
import { bootDiskIndex } from './validate-disks.ts';
import { diskImage } from './validate-images.ts';
import { booleanOf } from './values.ts';
import { showJson } from './findings.ts';

export interface DiskSurroundings {
  readonly brand: HvmBrand;
  readonly uuid: string;
  readonly zpool: string;
  /** Model of disks that name none. */
  readonly driver: string | undefined;
  readonly facts: PayloadFacts;
  readonly newIds: Pick<NewIds, 'uuid'>;
  /** Places on the PCI bus that are taken by devices. */
  readonly takenSlots: readonly string[];
  /** Devices of the disks that there are already. */
  readonly takenPaths?: readonly string[];
  /** One of those disks is booted from. */
  readonly hasBootDisk?: boolean;
}

const DEFAULT_BLOCK_SIZE = 8192;

/** The disks of a new machine. The first one from an image boots unless the payload says otherwise. */
export async function disksOfNew(payloads: readonly Payload[], surroundings: DiskSurroundings): Promise<DiskRecord[]> {
  const marked = payloads.filter(({ boot }) => booleanOf(boot) === true);
  if (marked.length > 1) throw vmErrors.DisksManyBoot({ disks: showJson(marked) });
  const boot = surroundings.hasBootDisk && marked.length === 0 ? -1 : bootDiskIndex(payloads);
  const numbers = freeNumbers(payloads.length, surroundings);
  const disks = payloads.map((payload) => normalElement(DISK_PROPERTIES, surroundings.brand, 'a', payload));
  for (const [index, disk] of disks.entries()) requireDisk(disk, payloads[index] ?? disk, surroundings);
  const records = await Promise.all(disks.map((disk, index) => diskRecord(disk, { boot: index === boot, number: numbers[index] ?? index, ...surroundings })));
  requireDistinctUuids(records);
  return surroundings.brand === 'bhyve' ? withPciSlots(records, disks, surroundings.takenSlots) : records;
}

/** Refuse a block size for a volume that is cloned from an image. A rule of its own, since it comes before all validation. */
export function refuseBlockSizeOfImage(payloads: unknown): void {
  if (!Array.isArray(payloads)) return;
  for (const disk of payloads as readonly (Payload | null)[]) {
    if (disk?.['image_uuid'] !== undefined && disk['block_size'] !== undefined) throw vmErrors.DiskBlockSizeOfImage();
  }
}

/** Refuse attributes that no disk of the brand can have. */
export function requireKnownDisk(disk: Payload, payload: Payload, brand: HvmBrand): void {
  const { media = 'disk', model, compression } = disk;
  if (media !== 'disk' && media !== 'cdrom') throw vmErrors.DiskMedia({ disk: showJson(payload) });
  if (typeof model !== 'string') throw vmErrors.DiskModelMissing({ disk: showJson(payload) });
  const models = DISK_MODELS[brand];
  if (!models.includes(model)) throw vmErrors.DiskModelInvalid({ model, brand, models: models.join(', ') });
  if (typeof compression === 'string' && !COMPRESSIONS.includes(compression)) throw vmErrors.DiskCompression({ choices: COMPRESSIONS.join(',') });
}

function requireDisk(disk: Payload, payload: Payload, { brand, driver }: DiskSurroundings): void {
  requireKnownDisk({ ...disk, model: disk['model'] ?? driver }, payload, brand);
  const { media = 'disk', path, nocreate, block_size: blockSize } = disk;
  if (path !== undefined && media === 'disk' && nocreate !== true) throw vmErrors.DiskPathGiven();
  if (path === undefined && (media === 'cdrom' || nocreate === true)) throw vmErrors.DiskPathMissing({ disk: showJson(payload) });
  if (typeof blockSize === 'number' && !isRecordSize(blockSize)) throw vmErrors.DiskBlockSize({ size: blockSize });
}

interface DiskMaking extends DiskSurroundings {
  readonly boot: boolean;
  /** The number in the name of its volume. */
  readonly number: number;
}

async function diskRecord(disk: Payload, options: DiskMaking): Promise<DiskRecord> {
  const { brand, uuid, zpool, driver, facts, newIds, boot, number } = options;
  const { media = 'disk', nocreate } = disk;
  const common = { ...disk, media, boot, model: disk['model'] ?? driver, ...(brand === 'bhyve' && { uuid: disk['uuid'] ?? newIds.uuid() }) };
  if (media === 'cdrom' || nocreate === true) return common as unknown as DiskRecord;
  const pool = typeof disk['zpool'] === 'string' ? disk['zpool'] : zpool;
  const dataset = brand === 'kvm' ? `${pool}/${uuid}-disk${number}` : `${pool}/${uuid}/disk${number}`;
  const image = await diskImage(disk['image_uuid'], facts);
  const size = disk['size'] ?? image?.image_size;
  return {
    ...common,
    ...(image ? { image_size: image.image_size } : { block_size: disk['block_size'] ?? DEFAULT_BLOCK_SIZE }),
    size,
    refreservation: disk['refreservation'] ?? size,
    zpool: pool,
    zfs_filesystem: dataset,
    path: `/dev/zvol/${dataset}`,
  } as unknown as DiskRecord;
}

/** @throws DisksSameUuid */
export function requireDistinctUuids(disks: readonly DiskRecord[]): void {
  const seen = new Set<string>();
  for (const { uuid } of disks) {
    if (uuid === undefined) continue;
    if (seen.has(uuid)) throw vmErrors.DisksSameUuid({ uuid });
    seen.add(uuid);
  }
}

/** Numbers for the volumes of new disks: the first that no volume there is has. */
function freeNumbers(count: number, { brand, takenPaths = [] }: DiskSurroundings): number[] {
  const pattern = brand === 'kvm' ? /-disk(\d+)$/ : /\/disk(\d+)$/;
  const taken = new Set(takenPaths.map((path) => Number(pattern.exec(path)?.[1] ?? -1)));
  const numbers: number[] = [];
  for (let number = 0; numbers.length < count; number++) if (!taken.has(number)) numbers.push(number);
  return numbers;
}

function withPciSlots(records: readonly DiskRecord[], disks: readonly Payload[], taken: readonly string[]): DiskRecord[] {
  const wishes = records.map(({ media, boot }, index) => ({ media, boot, pci_slot: disks[index]?.['pci_slot'] as string | undefined }));
  const slots = assignPciSlots(wishes, taken);
  return records.map((record, index) => ({ ...record, pci_slot: slots[index] ?? '' }));
}
