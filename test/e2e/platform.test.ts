import assert from 'node:assert/strict';
import { copyFile, mkdtemp, open, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { buildPlatform, type Platform } from '../../images/platform/build.ts';
import { answersOf, bareMachine, type BareMachine } from './platform/boot.ts';

/** What a platform image is by itself; what it makes of a machine is the booted fleet's story. */
let platform: Platform;
let machine: BareMachine;
let out: string;

before(async () => {
  out = await mkdtemp(join(tmpdir(), 'zonewright-platform-image-'));
  platform = await buildPlatform({ out, say: (line) => process.stderr.write(`${line}\n`) });
  machine = await bareMachine({ diskGigabytes: 8, files: [join(platform.directory, 'packages.txt')] });
});
after(async () => {
  await machine.remove();
  await rm(out, { recursive: true, force: true });
});

test('an image is at most 250 MB', async () => {
  const sizes = await Promise.all(['vmlinuz', 'initramfs'].map(async (name) => (await stat(join(platform.directory, name))).size));
  assert.ok(sizes.reduce((sum, size) => sum + size, 0) <= 250_000_000, `it has ${sizes.join(' + ')} bytes`);
});

test('it boots from its ISO, as a USB stick under UEFI, into at most 450 MiB, with the menu and the kernel’s words on the serial console', async () => {
  const report = await machine.boot(platform.directory, `
    say() { name=$1; shift; echo "<$name>"; "$@"; echo "status $?</$name>"; }
    taken_mib() { awk '{ kib[$1] = $2 } END { print int((kib["MemTotal:"] - kib["MemFree:"] - kib["Buffers:"] - kib["Cached:"] + kib["Shmem:"]) / 1024) }' /proc/meminfo; } # the image included, file cache not
    say words cat /proc/cmdline
    say consoles cat /sys/class/tty/console/active
    say version cat /etc/zonewright-platform
    medium=/dev/disk/by-label/ZONEWRIGHT_${platform.stamp}
    for try in $(seq 120); do test -e $medium && break; sleep 1; done # a USB stick takes its time
    say medium lsblk --nodeps --noheadings --output FSTYPE $medium
    systemctl start multi-user.target
    say used taken_mib`, { from: 'usb under UEFI', megabytes: 2048 });
  const answer = answersOf(report);
  assert.match(answer('words'), /^BOOT_IMAGE=\S+vmlinuz console=tty0 console=ttyS0,115200 panic=10\n/);
  assert.match(answer('consoles'), /^tty0 ttyS0\n/);
  assert.match(answer('version'), new RegExp(`"${platform.stamp}"`));
  assert.match(answer('medium'), /^iso9660\nstatus 0$/);
  assert.ok(Number(answer('used').split('\n')[0]) <= 450, `it uses ${answer('used').split('\n')[0]} MiB`);
  assert.match(report.console, new RegExp(`Zonewright ${platform.stamp}, rescue`), 'the menu');
  assert.match(report.console, /Linux version \d/, 'the kernel');
});

test('what keeps it from booting is said in one line, on the console', async () => {
  const damaged = join(out, 'damaged');
  const append = 'zonewright.failure=reboot';
  const { console: small } = await machine.boot(platform.directory, '', { megabytes: 768, append });
  assert.match(small, /^zonewright: this machine has \d+ MiB of memory; the platform needs \d+ MiB$/m);

  const whole = await copyOf(damaged);
  await truncate(damaged, whole - 1024);
  const { console: cut } = await machine.boot(platform.directory, '', { append, initramfs: damaged });
  assert.match(cut, /^zonewright: the initramfs has no end$/m);

  await copyOf(damaged);
  await scribble(damaged, whole - 1024 * 1024);
  const { console: spoilt } = await machine.boot(platform.directory, '', { append, initramfs: damaged });
  assert.match(spoilt, /^zonewright: zonewright\.squashfs is damaged: its sha256 is another one$/m);
});

/** A copy of the initramfs to be spoilt. @returns its size */
async function copyOf(path: string): Promise<number> {
  await copyFile(join(platform.directory, 'initramfs'), path);
  return (await stat(path)).size;
}

async function scribble(path: string, offset: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.write('not what was here', offset);
  } finally {
    await file.close();
  }
}
