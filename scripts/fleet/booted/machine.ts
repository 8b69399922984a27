/** Bare machines of a booted fleet: QEMU without KVM, on a switch of the sandbox. */
import { copyFile, mkdir, open, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { launch, type Launched } from '../../../host/run/launch.ts';
import { run } from '../../../host/run/run.ts';
import { EMULATED_PROCESSOR, uefiOptions, type Emulator } from '../../../images/platform/emulator.ts';

export interface BareMachine {
  readonly name: string;
  /** What its serial console said, in all its lives. */
  readonly console: string;
  /** Switch it on. @param from what its firmware tries first */
  powerOn(from: 'disk' | 'cd' | 'network'): Promise<void>;
  /** Pull the plug. What it had not written to its disk is gone. */
  cutPower(): Promise<void>;
  cable(state: 'in' | 'out'): Promise<void>;
}

export interface Hardware {
  readonly name: string;
  readonly emulator: Emulator;
  /** For its disk. */
  readonly directory: string;
  /** For what its console says, which stays. */
  readonly logs: string;
  readonly firmware: 'bios' | 'uefi';
  readonly mac: string;
  readonly mebibytes: number;
  /** ISO files in its drives, the first of which it may boot. */
  readonly media?: readonly string[];
}

export const SWITCH = 'fleet';
const DISK_GIGABYTES = 10;

/** A switch with an address of the sandbox's on it. */
export async function makeSwitch(address: string): Promise<void> {
  await run(['ip', 'link', 'add', 'name', SWITCH, 'type', 'bridge']);
  await run(['ip', 'address', 'add', address, 'dev', SWITCH]);
  await run(['ip', 'link', 'set', 'dev', SWITCH, 'up']);
}

/** Put a machine together: an empty disk, one network port. It is switched off. */
export async function assemble(hardware: Hardware): Promise<BareMachine> {
  const { name, directory, logs } = hardware;
  await mkdir(directory, { recursive: true });
  const disk = join(directory, `${name}.disk`);
  await writeFile(disk, '');
  await truncate(disk, DISK_GIGABYTES * 1024 ** 3);
  if (hardware.firmware === 'uefi') await copyFile(hardware.emulator.uefi.variables, join(directory, `${name}.vars`));
  const port = `port-${name}`;
  await run(['ip', 'tuntap', 'add', 'dev', port, 'mode', 'tap']);
  await run(['ip', 'link', 'set', 'dev', port, 'master', SWITCH, 'up']);
  const console = join(logs, `${name}.console.log`);
  let power: Launched | undefined;
  return {
    name,
    console,
    async powerOn(from) {
      const log = await open(join(logs, `${name}.qemu.log`), 'a', 0o600);
      try {
        power = await launch(argvOf(hardware, { disk, port, console, from }), { log: log.fd });
      } finally {
        await log.close();
      }
    },
    async cutPower() {
      await power?.kill();
    },
    cable: async (state) => void (await run(['ip', 'link', 'set', 'dev', port, state === 'in' ? 'up' : 'down'])),
  };
}

interface Wiring {
  readonly disk: string;
  readonly port: string;
  readonly console: string;
  readonly from: 'disk' | 'cd' | 'network';
}

function argvOf({ name, emulator, directory, firmware, mac, mebibytes, media = [] }: Hardware, { disk, port, console, from }: Wiring): [string, ...string[]] {
  const first = (device: 'disk' | 'cd' | 'network'): string => (device === from ? ',bootindex=1' : device === 'disk' ? ',bootindex=2' : '');
  return [
    ...emulator.argv,
    ...['-name', `zonewright-fleet-${name}`, '-nodefaults', '-no-user-config', '-display', 'none', '-vga', 'std'],
    ...['-machine', 'q35,accel=tcg', '-cpu', EMULATED_PROCESSOR, '-smp', '2', '-m', String(mebibytes)],
    ...(firmware === 'bios' ? [] : uefiOptions(emulator, join(directory, `${name}.vars`))),
    ...['-device', 'virtio-rng-pci'],
    // What a machine wrote is safe when its power is cut as soon as it is with the host, which stays up.
    ...['-drive', `id=disk,if=none,format=raw,cache=writeback,discard=unmap,file=${disk}`, '-device', `virtio-blk-pci,drive=disk,serial=${name}${first('disk')}`],
    // UEFI has a driver of its own. The one on QEMU's ROM is slower, and has crashed in the middle of an initramfs.
    ...['-netdev', `tap,id=net,ifname=${port},script=no,downscript=no`, '-device', `virtio-net-pci,netdev=net,mac=${mac}${firmware === 'uefi' ? ',romfile=' : ''}${first('network')}`],
    ...media.flatMap((file, index) => ['-drive', `id=cd${index},if=none,media=cdrom,format=raw,readonly=on,file=${file}`, '-device', `ide-cd,drive=cd${index},bus=ide.${index}${index === 0 ? first('cd') : ''}`]),
    ...['-chardev', `socket,id=serial,path=${join(directory, `${name}.serial`)},server=on,wait=off,logfile=${console},logappend=on`, '-serial', 'chardev:serial'],
    ...['-watchdog-action', 'reset'],
  ];
}
