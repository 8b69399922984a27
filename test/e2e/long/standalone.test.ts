import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { buildPlatform, type Platform } from '../../../images/platform/build.ts';
import { buildSeed } from '../../../images/seed/build.ts';
import { answersOf, bareMachine, type BareMachine } from '../platform/boot.ts';

/** One story in several boots of one bare machine: each needs what the boot before it left on the disk. */
let platform: Platform;
let machine: BareMachine;
let out: string;

before(async () => {
  out = await mkdtemp(join(tmpdir(), 'zonewright-platform-image-'));
  platform = await buildPlatform({ out, media: false, say: (line) => process.stderr.write(`${line}\n`) });
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

test('it boots into memory, becomes a node on an empty disk, and runs a zone and a machine with KVM', async () => {
  const report = await machine.boot(platform.directory, `${PREPARE}
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
