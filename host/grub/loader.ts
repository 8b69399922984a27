import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../run/run.ts';

/** GRUB, as it is written to a disk. */
export interface Loader {
  /** For the first sector. */
  readonly boot: Buffer;
  /** For the BIOS boot partition, which the first sector reads. */
  readonly core: Buffer;
  /** `EFI/BOOT/BOOTX64.EFI`. */
  readonly efi: Buffer;
}

/** Where its files lie, below the root of the partition that it reads. */
export const LOADER_DIRECTORY = '/grub';

const MODULES_DIRECTORY = '/usr/lib/grub';
const MODULES = ['part_gpt', 'fat', 'normal', 'linux', 'loadenv', 'serial', 'terminal', 'test', 'echo', 'configfile', 'minicmd', 'reboot', 'halt', 'sleep', 'ls', 'cat'];

/**
 * Make GRUB for BIOS and UEFI, with all that it needs in one piece: it reads its configuration from the disk it was started from,
 * so that every disk of a mirror boots by itself.
 * @param bootPartition number of the partition that holds its configuration
 * @throws CommandMissing, CommandFailed when GRUB is not installed
 */
export async function makeLoader(bootPartition: number): Promise<Loader> {
  const directory = await mkdtemp(join(tmpdir(), 'zonewright-grub-'));
  try {
    const [core, efi] = [join(directory, 'core.img'), join(directory, 'loader.efi')];
    await run(['grub-mkimage', '--format=i386-pc', `--prefix=(,gpt${bootPartition})${LOADER_DIRECTORY}`, `--output=${core}`, 'biosdisk', ...MODULES]);
    await run(['grub-mkimage', '--format=x86_64-efi', `--prefix=${LOADER_DIRECTORY}`, `--output=${efi}`, 'efi_gop', 'efi_uga', ...MODULES]);
    const files = await Promise.all([join(MODULES_DIRECTORY, 'i386-pc/boot.img'), core, efi].map((file) => readFile(file)));
    const [boot = NOTHING, coreImage = NOTHING, efiImage = NOTHING] = files;
    return { boot, core: coreImage, efi: efiImage };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const NOTHING = Buffer.alloc(0);
