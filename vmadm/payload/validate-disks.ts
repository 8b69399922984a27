/** Rules of a payload's disks that no single value decides (reference §2.4). */
import type { Payload } from '../engine.ts';
import { isHvm, type Brand } from './brands.ts';
import type { PayloadFacts } from './facts.ts';
import type { Findings } from './findings.ts';
import { bootromOf, diskImage } from './validate-images.ts';
import { booleanOf, isPlainObject, isUnset, normalValue } from './values.ts';
import { DISK_PROPERTIES } from './disk-properties.ts';

interface Subject {
  readonly brand: Brand;
  readonly payload: Payload;
  readonly facts: PayloadFacts;
  readonly findings: Findings;
}

/** Check the disks that a payload would make, and the firmware against the one it would boot from. */
export async function checkDisks(subject: Subject): Promise<void> {
  if (!isHvm(subject.brand)) return;
  for (const name of ['disks', 'add_disks']) {
    for (const [index, disk] of disksOf(subject.payload, name).entries()) await checkDisk(subject, disk, `${name}.${index}`);
  }
  await checkBootrom(subject);
}

/** The disk that a machine boots from: the one that says so, else the first from an image. */
export function bootDiskIndex(disks: readonly Payload[]): number {
  const named = disks.findIndex((disk) => booleanOf(disk['boot']) === true);
  return named === -1 ? disks.findIndex((disk) => !isUnset(disk['image_uuid'])) : named;
}

async function checkDisk(subject: Subject, disk: Payload, name: string): Promise<void> {
  const { facts, findings } = subject;
  const pool = disk['zpool'];
  if (typeof pool === 'string' && pool !== '' && !(await facts.poolExists(pool))) findings.badValue(`${name}.zpool`, pool, 'the name of a pool of this node');
  if (!isUnset(disk['image_uuid'])) await checkImageDisk(subject, disk, name);
  else if (needsSize(disk) && isUnset(disk['size'])) findings.missing(`${name}.size`);
}

function needsSize(disk: Payload): boolean {
  return disk['media'] !== 'cdrom' && booleanOf(disk['nocreate']) !== true;
}

async function checkImageDisk({ payload, facts, findings }: Subject, disk: Payload, name: string): Promise<void> {
  const image = await diskImage(disk['image_uuid'], facts);
  if (!image) return findings.badValue(`${name}.image_uuid`, disk['image_uuid'], 'the uuid of an installed image of type zvol');
  const imageSize = normalValue(DISK_PROPERTIES.image_size, disk['image_size']);
  if (imageSize !== undefined && imageSize !== image.image_size) {
    findings.badValue(`${name}.image_size`, disk['image_size'], `the size of the image, ${image.image_size} MiB`);
  }
  if (!isUnset(disk['block_size'])) findings.badValue(`${name}.block_size`, disk['block_size'], 'absent where there is an image_uuid');
  if (!isUnset(disk['size'])) checkSizeOfImageDisk(payload, disk['size'], image.image_size, name, findings);
}

function checkSizeOfImageDisk(payload: Payload, value: unknown, imageSize: number | undefined, name: string, findings: Findings): void {
  const size = normalValue(DISK_PROPERTIES.size, value);
  if (typeof size === 'number' && imageSize !== undefined && size < imageSize) {
    findings.badValue('size', value, `at least the size of the image, ${imageSize} MiB`);
  } else if (isUnset(payload['flexible_disk_size'])) {
    findings.badValue(`${name}.size`, value, 'absent where there is an image_uuid, unless flexible_disk_size is set');
  }
}

async function checkBootrom({ payload, facts, findings }: Subject): Promise<void> {
  const disks = disksOf(payload, 'disks');
  const wanted = payload['bootrom'];
  const needed = bootromOf(await diskImage(disks[bootDiskIndex(disks)]?.['image_uuid'], facts));
  if (!isUnset(wanted) && needed !== undefined && needed !== wanted) {
    findings.badValue('bootrom', wanted, `${needed}, which the image of the boot disk needs`);
  }
}

function disksOf(payload: Payload, name: string): readonly Payload[] {
  const disks = payload[name];
  return Array.isArray(disks) ? disks.filter(isPlainObject) : [];
}
