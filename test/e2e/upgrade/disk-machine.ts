import { copyFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../../host/run/run.ts';
import { EMULATED_PROCESSOR, platformEmulator, uefiOptions } from '../../../images/platform/emulator.ts';

/** A machine that boots from its own disk, by itself and again and again, as its firmware and GRUB have it. */
export interface DiskMachine {
  /** Put the node on its disk: boot a platform image as it is, run a script as root, and power off. */
  prepare(platform: string, script: string): Promise<Lives>;
  /** Power it on and let it live until it powers off. The script runs in each of its boots. @param firmware BIOS unless given */
  live(script: string, firmware?: 'UEFI'): Promise<Lives>;
  remove(): Promise<void>;
}

export interface Lives {
  /** What the scripts printed. */
  readonly output: string;
  /** What the machine printed on its serial console. */
  readonly console: string;
}

const MINUTES = 45;
const SCRIPT_BYTES = 64 * 1024;
const SCRIPT_DISK = '/dev/disk/by-id/virtio-script';

/** Make one with one empty disk, and directories that its boots find on a read-only disk. */
export async function diskMachine(options: { readonly gigabytes: number; readonly files: readonly string[] }): Promise<DiskMachine> {
  const directory = await mkdtemp(join(tmpdir(), 'zonewright-upgrade-'));
  const emulator = await platformEmulator({ say: () => undefined });
  const [disk, files, scriptDisk] = [join(directory, 'disk.img'), join(directory, 'files.iso'), join(directory, 'script')];
  await writeFile(disk, '');
  await truncate(disk, options.gigabytes * 1024 ** 3);
  const grafts = options.files.map((file) => `/${file.slice(file.lastIndexOf('/') + 1)}=${file}`);
  await run(['xorriso', '-as', 'mkisofs', '-quiet', '-volid', 'files', '-rational-rock', '-output', files, '-graft-points', ...grafts]);
  const start = async (script: string, how: readonly string[]): Promise<Lives> => {
    const [log, output] = [join(directory, 'console.log'), join(directory, 'output.log')];
    await writeFile(scriptDisk, `exec </dev/null >/dev/ttyS1 2>&1\n${script}\nexit\n`.padEnd(SCRIPT_BYTES, '\n'));
    await run(
      [
        // It must not outlive a test that is killed.
        ...(['setpriv', '--pdeathsig', 'KILL', '--'] as const),
        ...emulator.argv,
        ...['-machine', 'q35,accel=tcg', '-cpu', EMULATED_PROCESSOR, '-smp', '2', '-m', '2560', '-nodefaults', '-display', 'none', '-vga', 'std'],
        ...['-serial', `file:${log}`, '-serial', `file:${output}`],
        ...['-drive', `file=${disk},format=raw,if=none,id=disk,cache=unsafe`, '-device', `virtio-blk-pci,drive=disk,serial=disk${how.includes('-kernel') ? '' : ',bootindex=0'}`],
        ...['-drive', `file=${scriptDisk},format=raw,if=none,id=script,read-only=on`, '-device', 'virtio-blk-pci,drive=script,serial=script'],
        ...['-drive', `file=${files},format=raw,if=none,id=files,read-only=on`, '-device', 'virtio-blk-pci,drive=files,serial=files'],
        ...unitInFirmware(),
        ...how,
      ],
      { timeout: MINUTES * 60_000 },
    );
    const [printed = '', said = ''] = (await Promise.all([output, log].map((file) => readFile(file, 'utf8')))).map((text) => text.replaceAll('\r', ''));
    return { output: printed, console: said };
  };
  return {
    prepare: (platform, script) => start(script, ['-no-reboot', '-kernel', join(platform, 'vmlinuz'), '-initrd', join(platform, 'initramfs'), '-append', 'console=ttyS0']),
    async live(script, firmware) {
      if (firmware === undefined) return start(script, []);
      const variables = join(directory, 'uefi-variables');
      await copyFile(emulator.uefi.variables, variables);
      return start(script, uefiOptions(emulator, variables));
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

/** What GRUB tells the kernel says nothing of tests: the firmware's tables hand a unit to systemd. */
function unitInFirmware(): string[] {
  const unit = ['[Unit]', 'After=zonewright-platform.service', '[Service]', 'Type=exec', `ExecStart=/bin/sh -c 'until test -e ${SCRIPT_DISK}; do sleep 1; done; exec sh ${SCRIPT_DISK}'`, ''].join('\n');
  const credential = (name: string, text: string): string[] => ['-smbios', `type=11,value=io.systemd.credential.binary:${name}=${Buffer.from(text).toString('base64')}`];
  return [...credential('systemd.extra-unit.story.service', unit), ...credential('systemd.unit-dropin.multi-user.target', '[Unit]\nWants=story.service\n')];
}
