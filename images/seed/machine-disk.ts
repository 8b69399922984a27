import { mkdir, open, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from '../../host/run/run.ts';
import { makeBootFileSystem } from './boot-file-system.ts';
import type { SeedRecipe } from './recipe.ts';

/** Where the boot partition begins, and how large it is; the root takes the rest. MiB. */
const BOOT = { at: 1, size: 127 } as const;
const SECTORS_PER_MIB = 2048;

/** What the recipe's hooks write to the machine's fstab. */
const LABELS = { boot: 'BOOT', root: 'root' } as const;

/**
 * A disk with a boot partition and a root partition out of a whole system. Nothing is mounted and no loop device is used.
 * @param root a directory with the system, as mmdebstrap made it. What lies on the boot partition is taken out of it.
 * @param output the disk to make.
 */
export async function composeMachineDisk(recipe: SeedRecipe, root: string, output: string): Promise<void> {
  const size = recipe.size ?? 0;
  await writeFile(output, '');
  await truncate(output, size * 1024 * 1024);
  await writeMasterBootRecord(output, size);
  const names = await readdir(join(root, 'boot'));
  const file = (prefix: string): string => join(root, 'boot', names.find((name) => name.startsWith(prefix)) ?? `${prefix}?`);
  const work = join(dirname(output), 'boot');
  const commandLine = `root=LABEL=${LABELS.root} ro console=tty0 console=ttyS0,115200`;
  await makeBootFileSystem(
    { disk: output, offset: BOOT.at, size: BOOT.size, label: LABELS.boot, kernel: file('vmlinuz-'), initramfs: file('initrd.img-'), commandLine, packages: root },
    work,
  );
  await rm(work, { recursive: true });
  // The kernel fills it by itself, but only where there is a directory.
  await rm(join(root, 'dev'), { recursive: true, force: true });
  await mkdir(join(root, 'dev'), { mode: 0o755 });
  const first = BOOT.at + BOOT.size;
  await run(['mke2fs', '-q', '-F', '-t', 'ext4', '-b', '4096', '-m', '1', '-L', LABELS.root, '-d', root, '-E', `offset=${first * 1024 * 1024}`, output, `${size - first}M`]);
}

/** Partition types: FAT that UEFI takes for its system partition, and Linux. */
const TYPES = { efi: 0xef, linux: 0x83 } as const;

async function writeMasterBootRecord(disk: string, size: number): Promise<void> {
  const record = Buffer.alloc(512);
  readFileSync('/usr/lib/syslinux/mbr/mbr.bin').copy(record, 0, 0, 440);
  record.writeUInt32LE(0x5a5a4d4d, 440);
  partition({ active: true, type: TYPES.efi, at: BOOT.at, size: BOOT.size }).copy(record, 446);
  partition({ active: false, type: TYPES.linux, at: BOOT.at + BOOT.size, size: size - BOOT.at - BOOT.size }).copy(record, 462);
  record.writeUInt16LE(0xaa55, 510);
  const file = await open(disk, 'r+');
  await file.write(record, 0, record.length, 0);
  await file.close();
}

/** An entry of the partition table. Cylinders have not meant anything for decades; these say "look at the sectors". */
function partition(entry: { readonly active: boolean; readonly type: number; readonly at: number; readonly size: number }): Buffer {
  const bytes = Buffer.from([entry.active ? 0x80 : 0, 0xfe, 0xff, 0xff, entry.type, 0xfe, 0xff, 0xff, ...Array.from({ length: 8 }, () => 0)]);
  bytes.writeUInt32LE(entry.at * SECTORS_PER_MIB, 8);
  bytes.writeUInt32LE(entry.size * SECTORS_PER_MIB, 12);
  return bytes;
}
