import { open } from 'node:fs/promises';
import type { Loader } from './loader.ts';

const SECTOR = 512;
/** Of the first sector, these bytes are the partition table's. */
const CODE_BYTES = 440;
/** In GRUB's first sector: where the next part lies, and a jump that trusts the BIOS about the drive it booted. */
const NEXT_SECTOR = 0x5c;
const DRIVE_CHECK = 0x66;
/** In the first sector of its core: where the rest of it lies. */
const REST_SECTOR = 0x1f4;

export interface BootSectorPlace {
  /** The disk, or a file that is one. */
  readonly disk: string;
  /** First sector of the BIOS boot partition, and how many it has. */
  readonly start: number;
  readonly sectors: number;
}

/**
 * Make a disk start GRUB under a BIOS: its core into the BIOS boot partition, then the first sector, which points there. Until
 * that one sector is written the disk starts what it did before, or nothing. @returns when it is on the disk
 */
export async function writeBootSector(loader: Pick<Loader, 'boot' | 'core'>, { disk, start, sectors }: BootSectorPlace): Promise<void> {
  const core = paddedToSectors(loader.core);
  if (core.length > sectors * SECTOR) throw new Error(`GRUB has ${core.length} bytes, the BIOS boot partition ${sectors * SECTOR}`);
  core.writeBigUInt64LE(BigInt(start + 1), REST_SECTOR);
  const file = await open(disk, 'r+');
  try {
    await file.write(core, 0, core.length, start * SECTOR);
    await file.sync();
    const first = Buffer.alloc(SECTOR);
    await file.read(first, 0, SECTOR, 0);
    loader.boot.copy(first, 0, 0, CODE_BYTES);
    first.writeBigUInt64LE(BigInt(start), NEXT_SECTOR);
    // Two nops: some BIOSes name no drive, or a wrong one.
    first.writeUInt16LE(0x9090, DRIVE_CHECK);
    await file.write(first, 0, SECTOR, 0);
    await file.sync();
  } finally {
    await file.close();
  }
}

function paddedToSectors(bytes: Buffer): Buffer {
  return Buffer.concat([bytes], Math.ceil(bytes.length / SECTOR) * SECTOR);
}
