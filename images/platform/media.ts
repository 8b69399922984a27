/** A platform image as one file: to download, to burn on a CD, to write on a USB stick. */
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { run } from '../../host/run/run.ts';

const GRUB = '/usr/lib/grub';
/** Everything that the menu needs is in GRUB itself: it loads nothing more from a medium that may be damaged. */
const MODULES = ['normal', 'configfile', 'search', 'search_label', 'iso9660', 'part_gpt', 'part_msdos', 'fat', 'linux', 'all_video', 'terminal', 'test', 'echo', 'sleep', 'minicmd', 'reboot', 'halt', 'ls', 'cat'] as const;
const EFI_BYTES = 4 * 1024 * 1024;

/** Write an image's files into `platform-<stamp>/` of a tar archive. */
export async function writeTar(target: string, image: string): Promise<void> {
  const plain = ['--format=ustar', '--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mode=u=rwX,go=rX'];
  await run(['tar', '--create', '--file', target, ...plain, '--directory', dirname(image), '--', basename(image)]);
}

/**
 * Write an ISO that boots as a CD and, written to a USB stick as it is, as a disk, under BIOS and UEFI. It holds the image's files in
 * `platform-<stamp>/`. A running node finds the medium by the label of its file system, `ZONEWRIGHT_<stamp>`.
 * @throws CommandMissing, CommandFailed
 */
export async function writeIso(target: string, image: string, stamp: string): Promise<void> {
  const work = await mkdtemp(join(dirname(target), '.iso-'));
  try {
    await mkdir(join(work, 'tree/boot/grub'), { recursive: true });
    await writeFile(join(work, 'tree/boot/grub/grub.cfg'), mediumMenu(stamp));
    await writeFile(join(work, 'find.cfg'), `search --no-floppy --set=root --label ${labelOf(stamp)}\nset prefix=($root)/boot/grub\n`);
    await biosLoader(work);
    const efi = await efiPartition(work);
    const bios = ['-eltorito-boot', 'boot/grub/bios.img', '-no-emul-boot', '-boot-load-size', '4', '-boot-info-table', '--grub2-boot-info', '--grub2-mbr', join(GRUB, 'i386-pc/boot_hybrid.img')];
    const uefi = ['-append_partition', '2', '0xef', efi, '-appended_part_as_gpt', '-eltorito-alt-boot', '-e', '--interval:appended_partition_2:all::', '-no-emul-boot'];
    const content = ['-graft-points', join(work, 'tree'), `/platform-${stamp}=${image}`];
    await run(['xorriso', '-as', 'mkisofs', '-quiet', '-rational-rock', '-volid', labelOf(stamp), ...bios, ...uefi, '-output', target, ...content]);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Both consoles get the kernel's messages; a crash of the kernel starts the machine again. */
const CONSOLES = 'console=tty0 console=ttyS0,115200 panic=10';

/** What GRUB shows. Under UEFI, firmware speaks on the serial port itself where it was told to. @throws Error on anything but a stamp */
export function mediumMenu(stamp: string): string {
  if (!/^\d{8}T\d{6}Z$/.test(stamp)) throw new Error(`not a stamp: ${JSON.stringify(stamp)}`);
  const entry = (title: string, words: string): string => `menuentry '${title}' {
  echo 'Loading Zonewright ${stamp} ...'
  linux /platform-${stamp}/vmlinuz ${CONSOLES}${words}
  initrd /platform-${stamp}/initramfs
}
`;
  return `if [ "$grub_platform" = pc ]; then
  if serial --unit=0 --speed=115200; then
    terminal_input console serial
    terminal_output console serial
  fi
fi
set timeout=5
set default=0
${entry(`Zonewright ${stamp}`, '')}${entry(`Zonewright ${stamp}, rescue: leaves the disks alone`, ' noimport=true')}`;
}

function labelOf(stamp: string): string {
  return `ZONEWRIGHT_${stamp}`;
}

async function biosLoader(work: string): Promise<void> {
  const output = join(work, 'tree/boot/grub/bios.img');
  await run(['grub-mkimage', '--format=i386-pc-eltorito', '--prefix=/boot/grub', `--config=${join(work, 'find.cfg')}`, `--output=${output}`, 'biosdisk', 'serial', ...MODULES]);
}

/** A FAT file system with the loader under the name that firmware looks for on any medium. */
async function efiPartition(work: string): Promise<string> {
  const [loader, partition] = [join(work, 'loader.efi'), join(work, 'efi.img')];
  await run(['grub-mkimage', '--format=x86_64-efi', '--prefix=/boot/grub', `--config=${join(work, 'find.cfg')}`, `--output=${loader}`, ...MODULES]);
  await writeFile(partition, '');
  await truncate(partition, EFI_BYTES);
  await run(['mformat', '-i', partition, '-v', 'EFI', '::']);
  await run(['mmd', '-i', partition, '::/EFI', '::/EFI/BOOT']);
  await run(['mcopy', '-i', partition, loader, '::/EFI/BOOT/BOOTX64.EFI']);
  return partition;
}
