import { copyFile, mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../../host/run/run.ts';
import { EMULATED_PROCESSOR, platformEmulator, uefiOptions, type Emulator } from '../../../images/platform/emulator.ts';

/** A bare machine of the test's own: QEMU without KVM, with disks that stay between its boots. */
export interface BareMachine {
  /** Boot the platform with a script that runs as root, then powers off. */
  boot(platform: string, script: string, options?: BootOptions): Promise<BootReport>;
  remove(): Promise<void>;
}

export interface BootOptions {
  readonly megabytes?: number;
  /** What it boots from: kernel and initramfs as they are, or the ISO. */
  readonly from?: 'files' | 'cd under BIOS' | 'usb under UEFI';
  /** Further words of the kernel's command line; from files only. */
  readonly append?: string;
  /** In place of the platform's initramfs; from files only. */
  readonly initramfs?: string;
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
/** On a busy host an emulated timer comes too late for the kernel's test of it. A medium's own words say `panic=10`: it then tries again. */
const EMULATED = 'no_timer_check';

/** Make a bare machine with one empty disk, and files that its boots find on a read-only disk labelled `files`. */
export async function bareMachine(options: { readonly diskGigabytes: number; readonly files: readonly string[] }): Promise<BareMachine> {
  const directory = await mkdtemp(join(tmpdir(), 'zonewright-platform-'));
  const disk = join(directory, 'disk.img');
  const emulator = await platformEmulator({ say: () => undefined });
  await writeFile(disk, '');
  await truncate(disk, options.diskGigabytes * 1024 ** 3);
  const files = join(directory, 'files.iso');
  await run(['xorriso', '-as', 'mkisofs', '-quiet', '-volid', 'files', '-rational-rock', '-output', files, ...options.files]);
  return {
    async boot(platform, script, { from = 'files', append = '', megabytes = 3072, initramfs = join(platform, 'initramfs') } = {}) {
      const [scriptDisk, log, output] = [join(directory, 'script'), join(directory, 'console.log'), join(directory, 'output.log')];
      await writeFile(scriptDisk, `exec </dev/null >/dev/ttyS1 2>&1\n${script}\nexit\n`.padEnd(SCRIPT_BYTES, '\n'));
      await run(
        [
          ...emulator.argv,
          ...['-machine', 'q35,accel=tcg', '-cpu', EMULATED_PROCESSOR, '-smp', '2', '-m', String(megabytes), '-nodefaults', '-display', 'none', '-vga', 'std'],
          ...(from === 'files'
            ? ['-no-reboot', '-kernel', join(platform, 'vmlinuz'), '-initrd', initramfs, '-append', `${EMULATED} console=ttyS0 systemd.run="/bin/sh -c '${RUN_SCRIPT}'" ${append}`]
            : [...(await medium(emulator, directory, platform, from)), ...unitOf(RUN_SCRIPT)]),
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

async function medium(emulator: Emulator, directory: string, platform: string, from: 'cd under BIOS' | 'usb under UEFI'): Promise<string[]> {
  const iso = join(platform, (await readdir(platform)).find((name) => name.endsWith('.iso')) ?? 'no ISO');
  const drive = ['-drive', `file=${iso},format=raw,if=none,id=medium,read-only=on`];
  if (from === 'cd under BIOS') return [...drive, '-device', 'ide-cd,drive=medium,bootindex=0'];
  const variables = join(directory, 'uefi-variables');
  await copyFile(emulator.uefi.variables, variables);
  return [...uefiOptions(emulator, variables), ...drive, '-device', 'qemu-xhci', '-device', 'usb-storage,drive=medium,bootindex=0'];
}

/** A medium's own command line says nothing of tests: the firmware's tables hand a unit to systemd. */
function unitOf(command: string): string[] {
  const unit = `[Unit]\nDefaultDependencies=no\nAfter=sysinit.target\nSuccessAction=poweroff\nFailureAction=poweroff\n[Service]\nType=oneshot\nExecStart=/bin/sh -c '${command}'\n`;
  const credential = (name: string, text: string): string[] => ['-smbios', `type=11,value=io.systemd.credential.binary:${name}=${Buffer.from(text).toString('base64')}`];
  return [...credential('systemd.extra-unit.script.service', unit), ...credential('systemd.unit-dropin.multi-user.target', '[Unit]\nWants=script.service\n')];
}

/** What a script's `say NAME COMMAND` printed, by name. */
export function answersOf({ output, console }: BootReport): (name: string) => string {
  return (name) => new RegExp(`^<${name}>\\n([^]*?)</${name}>$`, 'm').exec(output)?.[1] ?? `nothing about ${name}; the output ended with:\n${output.slice(-3000)}\nand the console with:\n${console.slice(-3000)}`;
}
