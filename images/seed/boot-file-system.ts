/**
 * The file system that a machine's disk boots from, made without mounting anything: FAT with a kernel on it, which
 * syslinux starts where the firmware is a BIOS and systemd-boot where it is UEFI.
 */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../../host/run/run.ts';

export interface BootFileSystem {
  /** The disk's image, which is large enough already. */
  readonly disk: string;
  /** Where on the disk it begins; 0 when the disk has no partitions. MiB. */
  readonly offset: number;
  /** MiB. */
  readonly size: number;
  readonly label: string;
  readonly kernel: string;
  readonly initramfs: string;
  readonly commandLine: string;
  /** An unpacked `systemd-boot-efi`. */
  readonly packages: string;
}

/** Geometry in which a cylinder is one MiB. */
const HEADS = 64;
const SECTORS = 32;
const SECTORS_PER_MIB = HEADS * SECTORS;

/** Make the file system and install both boot loaders. @param work a directory for its files until they are copied */
export async function makeBootFileSystem(boot: BootFileSystem, work: string): Promise<void> {
  const place = `${boot.disk}@@${boot.offset}M`;
  const geometry = ['-t', String(boot.size), '-h', String(HEADS), '-s', String(SECTORS), '-H', String(boot.offset * SECTORS_PER_MIB)];
  await run(['mformat', '-i', place, '-v', boot.label, ...geometry, '::'], { environment: MTOOLS });
  for (const [path, text] of Object.entries(configFiles(boot))) {
    await mkdir(dirname(join(work, path)), { recursive: true });
    await writeFile(join(work, path), text);
  }
  const files = { ...Object.fromEntries(Object.keys(configFiles(boot)).map((path) => [path, join(work, path)])), ...programs(boot) };
  const directories = [...new Set(Object.keys(files).flatMap(parentsOf))];
  await run(['mmd', '-i', place, ...directories.map((path) => `::/${path}`)], { environment: MTOOLS });
  for (const [path, source] of Object.entries(files)) await run(['mcopy', '-i', place, '--', source, `::/${path}`], { environment: MTOOLS });
  await run(['syslinux', '--offset', String(boot.offset * 1024 * 1024), '--install', boot.disk], { environment: MTOOLS });
}

/** The names say where the kernel's own tools put them when they update a machine. */
export const BOOT_FILES = { kernel: 'vmlinuz', initramfs: 'initrd.img' } as const;

const MTOOLS = { MTOOLS_SKIP_CHECK: '1' };

function configFiles({ commandLine }: BootFileSystem): Record<string, string> {
  const { kernel, initramfs } = BOOT_FILES;
  return {
    'syslinux.cfg': `DEFAULT linux\nPROMPT 0\nLABEL linux\n  LINUX /${kernel}\n  INITRD /${initramfs}\n  APPEND ${commandLine}\n`,
    'loader/loader.conf': 'default linux.conf\ntimeout 0\neditor no\n',
    'loader/entries/linux.conf': `title Linux\nlinux /${kernel}\ninitrd /${initramfs}\noptions ${commandLine}\n`,
  };
}

function programs({ kernel, initramfs, packages }: BootFileSystem): Record<string, string> {
  const loader = join(packages, 'usr/lib/systemd/boot/efi/systemd-bootx64.efi');
  if (!existsSync(loader)) throw new Error(`${loader} is missing: the recipe needs the package systemd-boot-efi`);
  return { [BOOT_FILES.kernel]: kernel, [BOOT_FILES.initramfs]: initramfs, 'EFI/BOOT/BOOTX64.EFI': loader };
}

function parentsOf(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}
