import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../../host/run/run.ts';

/** A bare machine of the test's own: QEMU without KVM, with disks that stay between its boots. */
export interface BareMachine {
  /** Boot the platform with a script that runs as root, then powers off. */
  boot(platform: string, script: string, options?: { readonly append?: string; readonly megabytes?: number }): Promise<BootReport>;
  remove(): Promise<void>;
}

export interface BootReport {
  /** What the script printed. */
  readonly output: string;
  /** What the machine printed on its serial console. */
  readonly console: string;
}

const BOOT_MINUTES = 12;
/** The script lies on a disk of its own, so that its text needs no quoting on the kernel's command line. */
const SCRIPT_BYTES = 64 * 1024;
const SCRIPT_DISK = '/dev/disk/by-id/virtio-script';
const RUN_SCRIPT = `until test -e ${SCRIPT_DISK}; do sleep 1; done; exec sh ${SCRIPT_DISK}`;

/** Make a bare machine with one empty disk, and files that its boots find on a read-only disk labelled `files`. */
export async function bareMachine(options: { readonly diskGigabytes: number; readonly files: readonly string[] }): Promise<BareMachine> {
  const directory = await mkdtemp(join(tmpdir(), 'zonewright-platform-'));
  const disk = join(directory, 'disk.img');
  await writeFile(disk, '');
  await truncate(disk, options.diskGigabytes * 1024 ** 3);
  const files = join(directory, 'files.iso');
  await run(['xorriso', '-as', 'mkisofs', '-quiet', '-volid', 'files', '-rational-rock', '-output', files, ...options.files]);
  return {
    async boot(platform, script, { append = '', megabytes = 3072 } = {}) {
      const [scriptDisk, log, output] = [join(directory, 'script'), join(directory, 'console.log'), join(directory, 'output.log')];
      await writeFile(scriptDisk, `exec </dev/null >/dev/ttyS1 2>&1\n${script}\nexit\n`.padEnd(SCRIPT_BYTES, '\n'));
      await run(
        [
          'qemu-system-x86_64',
          ...['-machine', 'q35,accel=tcg', '-cpu', 'max', '-smp', '2', '-m', String(megabytes), '-nodefaults', '-display', 'none', '-no-reboot'],
          ...['-kernel', join(platform, 'vmlinuz'), '-initrd', join(platform, 'initramfs')],
          ...['-append', `console=ttyS0 systemd.run="/bin/sh -c '${RUN_SCRIPT}'" ${append}`],
          // The login prompt on the first port hangs up whatever else has it open.
          ...['-serial', `file:${log}`, '-serial', `file:${output}`],
          ...['-drive', `file=${disk},format=raw,if=none,id=disk,cache=unsafe`, '-device', 'virtio-blk-pci,drive=disk,serial=disk'],
          ...['-drive', `file=${scriptDisk},format=raw,if=none,id=script,read-only=on`, '-device', 'virtio-blk-pci,drive=script,serial=script'],
          ...['-drive', `file=${files},format=raw,if=none,id=files,read-only=on`, '-device', 'virtio-blk-pci,drive=files,serial=files'],
        ],
        { timeout: BOOT_MINUTES * 60_000 },
      );
      const texts = await Promise.all([output, log].map((file) => readFile(file, 'utf8')));
      const [printed = '', said = ''] = texts.map((text) => text.replaceAll('\r', ''));
      return { output: printed, console: said };
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
