/**
 * A guest of a test's own, to run our code in another world: emulated with every feature that the emulator has, so that a
 * nested machine in it has KVM. Its kernel is the one of the seed `debian-vm`, its programs are copies of this host's.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, cp, mkdir, readFile, realpath, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { run } from '../../host/run/run.ts';

export interface OuterGuest {
  /** Files besides, by their place in the guest. */
  readonly files: Readonly<Record<string, string>>;
  /** What runs in it; our own tree is at `/tree`, Node is `node`. */
  readonly command: readonly string[];
  /** Programs of this host besides. */
  readonly programs?: readonly string[];
  /** Kernel modules besides, in the order in which they can be loaded: `net/llc/llc`. */
  readonly modules?: readonly string[];
  readonly seconds: number;
}

/** All that QEMU can emulate, but for a fifth level of page tables, and AVX: QEMU 7.2 takes four times as long for a checksum with it. */
const PROCESSOR = 'max,la57=off,avx=off,avx2=off,f16c=off,fma=off,vaes=off,vpclmulqdq=off';
const ROOT = join(import.meta.dirname, '../..');
const PROGRAMS = ['bwrap', 'cat', 'chgrp', 'chmod', 'dash', 'kmod', 'mount', 'qemu-system-x86_64', 'setpriv', 'sleep', 'umount'];
const LINKS = { 'usr/bin/sh': 'dash', 'usr/sbin/insmod': '../bin/kmod', bin: 'usr/bin', sbin: 'usr/sbin', lib: 'usr/lib', lib64: 'usr/lib64' };
const FIRMWARE = ['/usr/share/seabios/bios-256k.bin', '/usr/share/seabios/vgabios-stdvga.bin', '/usr/share/qemu/kvmvapic.bin'];
const MODULES = ['virt/lib/irqbypass', 'arch/x86/kvm/kvm', 'arch/x86/kvm/kvm-amd', 'arch/x86/kvm/kvm-intel'];
/** Where the partitions of the seed's disk begin. MiB. */
const [BOOT, SYSTEM] = [1, 128];

/**
 * Run a command in a guest of its own.
 * @param seed the disk of `debian-vm`, unpacked
 * @returns all that its console said
 */
export async function runInOuterGuest(seed: string, directory: string, guest: OuterGuest): Promise<string> {
  const root = join(directory, 'root');
  await layRoot(root, guest);
  for (const name of ['vmlinuz', 'initrd.img']) await run(['mcopy', '-n', '-i', `${seed}@@${BOOT}M`, `::/${name}`, join(directory, name)], { environment: { MTOOLS_SKIP_CHECK: '1' } });
  await takeModules(seed, join(root, 'modules'), [...MODULES, ...(guest.modules ?? [])]);
  const disk = join(directory, 'outer.raw');
  await run(['mke2fs', '-q', '-F', '-t', 'ext4', '-d', root, disk, '1G']);
  const commandLine = ['console=ttyS0', 'quiet', 'panic=-1', 'ipv6.disable=1', 'root=/dev/vda', 'rw', 'init=/init', '--', ...guest.command].join(' ');
  const options = [
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-serial', 'stdio'],
    ...['-machine', 'q35,accel=tcg', '-cpu', PROCESSOR, '-smp', '2', '-m', '1536'],
    ...['-kernel', join(directory, 'vmlinuz'), '-initrd', join(directory, 'initrd.img'), '-append', commandLine],
    ...['-drive', `if=virtio,format=raw,file=${disk}`],
  ];
  const qemu = spawn('qemu-system-x86_64', options, { stdio: ['ignore', 'pipe', 'pipe'], timeout: guest.seconds * 1000, killSignal: 'SIGKILL' });
  let text = '';
  for (const stream of [qemu.stdout, qemu.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await once(qemu, 'close');
  return text;
}

async function layRoot(root: string, { files, programs = [] }: OuterGuest): Promise<void> {
  for (const path of ['dev', 'etc', 'modules', 'proc', 'root', 'run', 'sys', 'tmp', 'usr/bin', 'usr/sbin', 'usr/lib', 'usr/lib64', 'tree']) await mkdir(join(root, path), { recursive: true });
  const places = await Promise.all([...PROGRAMS, ...programs].map(async (name) => (await run(['sh', '-c', 'command -v "$0"', name])).stdout.trim()));
  await copyPrograms(root, [...places, process.execPath], 'usr/bin');
  for (const [path, target] of Object.entries(LINKS)) await symlink(target, join(root, path));
  for (const path of FIRMWARE) await copyInto(root, path);
  await cp('/usr/share/qemu/keymaps', join(root, 'usr/share/qemu/keymaps'), { recursive: true });
  for (const name of ['host', 'package.json', ...(await packagesOf('execa')).map((name) => `node_modules/${name}`)]) await cp(join(ROOT, name), join(root, 'tree', name), { recursive: true });
  for (const [target, source] of Object.entries({ ...files, init: join(import.meta.dirname, 'outer-init.sh') })) {
    await mkdir(dirname(join(root, target)), { recursive: true });
    await copyFile(source, join(root, target));
  }
}

/** Copy programs and all libraries that they are linked with, which keep their places. */
async function copyPrograms(root: string, paths: readonly string[], directory: string): Promise<void> {
  const { stdout } = await run(['ldd', ...paths]);
  const libraries = [...new Set(stdout.match(/\/(?:usr\/)?lib\S+(?= \(0x)/g) ?? [])];
  for (const library of libraries) await copyInto(root, library.startsWith('/usr') ? library : `/usr${library}`);
  for (const path of paths) await copyFile(await realpath(path), join(root, directory, basename(path)));
}

async function copyInto(root: string, path: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await copyFile(path, join(root, path));
}

/** A package and all that it depends on. */
async function packagesOf(name: string): Promise<string[]> {
  const { dependencies = {} } = JSON.parse(await readFile(join(ROOT, 'node_modules', name, 'package.json'), 'utf8')) as { dependencies?: Record<string, string> };
  const below = await Promise.all(Object.keys(dependencies).map(packagesOf));
  return [...new Set([name, ...below.flat()])];
}

async function takeModules(seed: string, target: string, modules: readonly string[]): Promise<void> {
  const system = `${seed}?offset=${SYSTEM * 1024 * 1024}`;
  const { stdout } = await run(['debugfs', '-R', 'ls -p /lib/modules', system]);
  const release = stdout.split('\n').map((line) => line.split('/')[5] ?? '').find((name) => /^\d/.test(name));
  for (const name of modules) {
    const file = join(target, `${basename(name)}.ko`);
    await run(['debugfs', '-R', `dump /lib/modules/${release}/kernel/${name}.ko ${file}`, system]);
  }
  await writeFile(join(target, 'order'), modules.map((name) => `${basename(name)}.ko\n`).join(''));
}
