import assert from 'node:assert/strict';
import { copyFile, mkdtemp, open, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { buildPlatform, type Platform } from '../../../images/platform/build.ts';
import { buildSeed } from '../../../images/seed/build.ts';
import { bareMachine, type BareMachine, type BootReport } from '../platform/boot.ts';

/** One story in several boots of one bare machine: each needs what the boot before it left on the disk. */
let platform: Platform;
let machine: BareMachine;
let out: string;

before(async () => {
  out = await mkdtemp(join(tmpdir(), 'zonewright-platform-image-'));
  platform = await buildPlatform({ out, say: (line) => process.stderr.write(`${line}\n`) });
  const [minimal, tiny] = [await buildSeed('minimal'), await buildSeed('tiny-vm')];
  machine = await bareMachine({ diskGigabytes: 8, files: [minimal, tiny].flatMap(({ archive, manifests }) => [archive, manifests[0]?.path ?? '']) });
});
after(async () => {
  await machine.remove();
  await rm(out, { recursive: true, force: true });
});

/** Everything is up; `say NAME COMMAND` prints what a command answers on the console, in a form that is found again. */
const PREPARE = `
export SYSTEMD_PAGER=cat
systemctl start multi-user.target
say() { name=$1; shift; echo "<$name>"; "$@"; echo "status $?</$name>"; }
answers() { for try in $(seq 90); do ping -c 1 -W 2 $1 && return; sleep 1; done; return 1; }
mkdir -p /mnt/files; mount -o ro /dev/disk/by-id/virtio-files /mnt/files
taken_mib() { awk '{ kib[$1] = $2 } END { print int((kib["MemTotal:"] - kib["MemFree:"] - kib["Buffers:"] - kib["Cached:"] + kib["Shmem:"]) / 1024) }' /proc/meminfo; } # the image included, file cache not
`;

const PAYLOADS = `
minimal=$(imgadm list -H -o uuid name=minimal); tiny=$(imgadm list -H -o uuid name=tiny-vm)
cat >/root/zone.json <<END
{ "brand": "lx", "alias": "web", "kernel_version": "6.12.0", "image_uuid": "$minimal", "ram": 128, "quota": 1, "cpu_cap": 50, "max_lwps": 200,
  "nics": [{ "nic_tag": "admin", "ips": ["10.77.0.10/24"], "primary": true }] }
END
cat >/root/machine.json <<END
{ "brand": "kvm", "alias": "db", "ram": 128, "vcpus": 1, "disks": [{ "image_uuid": "$tiny", "boot": true, "model": "virtio" }],
  "nics": [{ "nic_tag": "admin", "model": "virtio", "ips": ["10.77.0.11/24"], "primary": true }] }
END
`;

test('an image is at most 250 MB', async () => {
  const sizes = await Promise.all(['vmlinuz', 'initramfs'].map(async (name) => (await stat(join(platform.directory, name))).size));
  assert.ok(sizes.reduce((sum, size) => sum + size, 0) <= 250_000_000, `it has ${sizes.join(' + ')} bytes`);
});

test('it boots into memory, becomes a node on an empty disk, and runs a zone and a machine with KVM', async () => {
  const report = await machine.boot(platform.directory, `${PREPARE}
    say used taken_mib
    say failed systemctl --failed --no-legend
    say root findmnt -n -o FSTYPE /
    say setup zonewright setup --disk /dev/disk/by-id/virtio-disk
    say doctor zonewright doctor
    for manifest in /mnt/files/*.imgmanifest; do say image imgadm install -m $manifest -f \${manifest%.imgmanifest}.*.zst; done
    ${PAYLOADS}
    say zone vmadm create -f /root/zone.json
    say machine vmadm create -f /root/machine.json
    say zone-answers answers 10.77.0.10
    say machine-answers answers 10.77.0.11
    zone=$(vmadm lookup -1 alias=web); machine=$(vmadm lookup -1 alias=db)
    say inside sh -c "zlogin web 'cat /proc/self/uid_map; id -u' | cat"
    say on-disk stat -c %u /zones/$zone/root/etc
    say cgroup sh -c "cat /sys/fs/cgroup/zonewright/$zone/lxc.payload.$zone/memory.max /sys/fs/cgroup/zonewright/$zone/lxc.payload.$zone/pids.max /sys/fs/cgroup/zonewright/$zone/lxc.payload.$zone/cpu.max"
    say accel vmadm info $machine accel
    say volume zfs list -H -t volume -o name
    say list vmadm list`);
  const answer = answersOf(report);
  assert.equal(answer('failed'), 'status 0', report.console.slice(-6000));
  assert.match(answer('root'), /^overlay\n/);
  for (const step of ['setup', 'image', 'zone', 'machine', 'zone-answers', 'machine-answers']) assert.match(answer(step), /status 0$/, `${step}: ${answer(step)}`);
  assert.match(answer('inside'), /^ +0 +\d{6,} +65536\n0\n/);
  assert.match(answer('on-disk'), /^0\n/, 'files are idmapped, so that the dataset keeps uid 0');
  assert.match(answer('cgroup'), /^\d{9}\n200\n50000 100000\n/);
  assert.match(answer('accel'), /"kvm"/);
  assert.match(answer('volume'), /disk0/);
  assert.ok(Number(answer('used').split('\n')[0]) <= 450, `it uses ${answer('used').split('\n')[0]} MiB`);
});

test('its next boot finds the node on its disk, with every instance running', async () => {
  const report = await machine.boot(platform.directory, `${PREPARE}
    say boot journalctl -u zonewright-platform -o cat
    say zone-answers answers 10.77.0.10
    say machine-answers answers 10.77.0.11
    say list vmadm list -H -o alias,state`);
  const answer = answersOf(report);
  assert.match(answer('list'), /db +running/, answer('boot'));
  assert.match(answer('list'), /web +running/, answer('boot'));
  assert.match(answer('zone-answers'), /status 0$/);
  assert.match(answer('machine-answers'), /status 0$/);
});

for (const from of ['cd under BIOS', 'usb under UEFI'] as const) {
  test(`it boots from its ISO, as a ${from}, with the menu and the kernel's words on the serial console, and finds its medium`, async () => {
    const report = await machine.boot(platform.directory, `
      say() { name=$1; shift; echo "<$name>"; "$@"; echo "status $?</$name>"; }
      say words cat /proc/cmdline
      say consoles cat /sys/class/tty/console/active
      say version cat /etc/zonewright-platform
      medium=/dev/disk/by-label/ZONEWRIGHT_${platform.stamp}
      for try in $(seq 120); do test -e $medium && break; sleep 1; done # a USB stick takes its time
      say medium lsblk --nodeps --noheadings --output FSTYPE $medium`, { from, megabytes: 2048 });
    const answer = answersOf(report);
    assert.match(answer('words'), /^BOOT_IMAGE=\S+vmlinuz console=tty0 console=ttyS0,115200 panic=10\n/);
    assert.match(answer('consoles'), /^tty0 ttyS0\n/);
    assert.match(answer('version'), new RegExp(`"${platform.stamp}"`));
    assert.match(answer('medium'), /^iso9660\nstatus 0$/);
    assert.match(report.console, new RegExp(`Zonewright ${platform.stamp}, rescue`), 'the menu');
    assert.match(report.console, /Linux version \d/, 'the kernel');
  });
}

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

function answersOf({ output, console }: BootReport): (name: string) => string {
  return (name) => new RegExp(`^<${name}>\\n([^]*?)</${name}>$`, 'm').exec(output)?.[1] ?? `nothing about ${name}; the output ended with:\n${output.slice(-3000)}\nand the console with:\n${console.slice(-3000)}`;
}
