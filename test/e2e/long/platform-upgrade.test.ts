import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { buildPlatform } from '../../../images/platform/build.ts';
import { buildSeed } from '../../../images/seed/build.ts';
import { panickingPlatform } from '../../../scripts/fleet/booted/broken-platform.ts';
import { answersOf } from '../platform/boot.ts';
import { diskMachine, type DiskMachine } from '../upgrade/disk-machine.ts';

/** Versions: one to begin with, one that is fine, one whose agent cannot start, and one that panics. */
const [FIRST, GOOD, NO_AGENT, PANICS] = ['20261121T000001Z', '20261121T000002Z', '20261121T000003Z', '20261121T000004Z'] as const;

let machine: DiskMachine;
let out: string;
let first: string;
let isPrepared = false;

before(async () => {
  out = await mkdtemp(join(tmpdir(), 'zonewright-upgrade-images-'));
  const build = (stamp: string, extra?: string) => buildPlatform({ out, stamp, media: false, ...(extra !== undefined && { extra }), say: (line) => process.stderr.write(`${line}\n`) });
  const images = [await build(FIRST), await build(GOOD), await build(NO_AGENT, await withoutAgent())].map(({ directory }) => directory);
  first = images[0] ?? '';
  const { archive, manifests } = await buildSeed('minimal');
  machine = await diskMachine({ gigabytes: 8, files: [...images, await panickingPlatform({ directory: first }, PANICS, out), archive, manifests[0]?.path ?? ''] });
});
after(async () => {
  await machine.remove();
  await rm(out, { recursive: true, force: true });
});

/** Files laid over an image. */
async function withoutAgent(): Promise<string> {
  const directory = join(out, 'extra');
  await mkdir(join(directory, 'etc/systemd/system/zonewright-agent.service.d'), { recursive: true });
  await writeFile(join(directory, 'etc/systemd/system/zonewright-agent.service.d/broken.conf'), '[Service]\nExecStart=\nExecStart=/bin/false\n');
  return directory;
}

const COMMON = `
say() { name=$1; shift; echo "<$name>"; "$@"; echo "status $?</$name>"; }
mkdir -p /mnt/files; mount -o ro /dev/disk/by-id/virtio-files /mnt/files
`;

const SETUP = `${COMMON}
say setup zonewright setup --disk /dev/disk/by-id/virtio-disk --bootable
say first zonewright platform install /mnt/files/platform-${FIRST}
say good zonewright platform install /mnt/files/platform-${GOOD}
manifest=$(ls /mnt/files/*.imgmanifest)
say image imgadm install -m $manifest -f \${manifest%.imgmanifest}.*.zst
cat >/root/zone.json <<END
{ "brand": "lx", "alias": "web", "kernel_version": "6.12.0", "image_uuid": "$(imgadm list -H -o uuid)", "ram": 128, "quota": 1 }
END
say zone vmadm create -f /root/zone.json
say activate piadm activate --trial-seconds 1500 ${GOOD}
say prepared piadm list
echo good >/zones/phase
sync
systemctl poweroff`;

/** What is done in each boot depends on which image it is of, and how far the story has come. */
const STORY = `${COMMON}
stamp=$(sed -E 's/.*"([0-9]+T[0-9]+Z)".*/\\1/' /etc/zonewright-platform)
phase=$(cat /zones/phase)
echo "boot $stamp $phase"
deadline() { kill -0 $(cat /system/trial-deadline.pid); }
ends() { for try in $(seq 400); do zonewright platform status | grep -q "^trial .* $1 $2" && return; sleep 1; done; return 1; }
go() { say install-$1 zonewright platform install /mnt/files/platform-$2; say activate-$1 zonewright platform activate --trial-seconds 120 $2; echo $1 >/zones/phase; sync; systemctl reboot; }
case "$phase $stamp" in
  "good ${GOOD}") say passed ends ${GOOD} passed; say no-deadline deadline; say good-status zonewright platform status; say good-list vmadm list -H -o alias,state; go no-agent ${NO_AGENT} ;;
  "no-agent ${GOOD}") say no-agent-failed ends ${NO_AGENT} failed; say no-agent-status zonewright platform status; go panics ${PANICS} ;;
  "panics ${GOOD}") say panics-failed ends ${PANICS} failed; say end-status zonewright platform status; say end-list vmadm list -H -o alias,state; say end-images zonewright platform list; systemctl poweroff ;;
  *" ${NO_AGENT}") say no-agent-units systemctl is-active zonewright-platform zonewright-agent ;;
  *) say unexpected zonewright platform status; systemctl poweroff ;;
esac`;

test('a node is set up to boot from its own disk', async () => {
  const answer = answersOf(await machine.prepare(first, SETUP));
  for (const step of ['setup', 'first', 'good', 'image', 'zone', 'activate']) assert.match(answer(step), /status 0$/, `${step}: ${answer(step)}`);
  assert.match(answer('prepared'), new RegExp(`^${FIRST} +zones/boot +available +yes +no$`, 'm'));
  isPrepared = true;
  assert.match(answer('prepared'), new RegExp(`^${GOOD} +zones/boot +next +no +yes$`, 'm'));
});

test('a good image stays after its trial; one without an agent and one that panics give way to it by themselves', async () => {
  assert.ok(isPrepared, 'there is no node to boot');
  const lives = await machine.live(STORY);
  const answer = answersOf(lives);
  const boots = [...lives.console.matchAll(/Command line: BOOT_IMAGE=\/platform-(\S+)\/vmlinuz(.*)$/gm)].map(([, stamp, words]) => [stamp, /zonewright\.trial=\d+/.exec(words ?? '')?.[0]]);
  assert.deepEqual(
    boots,
    [
      [GOOD, 'zonewright.trial=1500'],
      [NO_AGENT, 'zonewright.trial=120'],
      [GOOD, undefined],
      [PANICS, 'zonewright.trial=120'],
      [GOOD, undefined],
    ],
    `${lives.output.slice(-3000)}\n${lives.console.slice(-3000)}`,
  );
  assert.match(answer('passed'), /status 0$/);
  assert.match(answer('no-deadline'), /No such process\s+status 1$/);
  assert.match(answer('good-list'), /^web +running\n/);
  assert.match(answer('good-status'), new RegExp(`^next boot  ${GOOD}$`, 'm'));
  assert.match(answer('no-agent-failed'), /status 0$/);
  assert.match(answer('no-agent-status'), new RegExp(`^trial +${NO_AGENT} failed, .*: .`, 'm'));
  assert.match(lives.console, /Kernel panic - not syncing/);
  assert.match(answer('end-status'), new RegExp(`^trial +${PANICS} failed, .*panicked, hung, or could not be loaded$`, 'm'));
  assert.match(answer('end-list'), /^web +running\n/);
  assert.match(answer('end-images'), new RegExp(`^${GOOD} +yes +1/1 +yes +yes +-$`, 'm'));
  assert.match(answer('end-images'), new RegExp(`^${PANICS} +yes +1/1 +no +no +failed$`, 'm'));
});

const RESET = `${COMMON}
if [ -e /zones/phase ]; then
  say firmware test -d /sys/firmware/efi
  say status zonewright platform status
  say reset zonewright factory-reset --yes-destroy-all-data
  systemctl reboot
else
  say pools zpool list -H
  say partitions lsblk --noheadings --output NAME --raw $(realpath /dev/disk/by-id/virtio-disk)
  say node test -e /etc/zonewright/node.json
  systemctl poweroff
fi`;

test('the same disk boots under UEFI, and a factory reset leaves nothing on it', async () => {
  assert.ok(isPrepared, 'there is no node to boot');
  const answer = answersOf(await machine.live(RESET, 'UEFI'));
  assert.match(answer('firmware'), /status 0$/);
  assert.match(answer('status'), new RegExp(`^next boot  ${GOOD}$`, 'm'));
  assert.match(answer('reset'), /status 0$/);
  assert.equal(answer('pools'), 'status 0');
  assert.match(answer('partitions'), /^vd[a-z]\nstatus 0$/);
  assert.match(answer('node'), /^status 1$/);
});
