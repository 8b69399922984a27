/** One machine with Debian's real cloud-init and guest agent, booted by UEFI from a disk that is larger than its image. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { run } from '../../../host/run/run.ts';
import { cli } from '../../support/cli.ts';
import { openConsole, type GuestConsole } from '../../support/guest-console.ts';
import { scratchNode, type ScratchNode } from '../../support/scratch-node.ts';
import { debianMachineImage } from '../../support/seed-images.ts';

let node: ScratchNode;
let guest: GuestConsole;
const uuid = randomUUID();
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1sHcm1Ku0v1Tq4yVqSxN2Wl0zq0S8yJw1kq4p8YtQx operator@desk';

/**
 * Says on the console what became of the guest, and makes it ignore its power button. The last line is put together so that no
 * other text holds it.
 */
const SCRIPT = `#!/bin/sh
mkdir -p /etc/systemd/logind.conf.d
{
  echo "user-script: host=$(hostname) user=$(id -un debian) root=$(($(stat -f -c '%b * %S' / | sed 's/ \\* /*/') / 1048576)) efi=$(test -d /sys/firmware/efi && echo yes)"
  echo "user-script: key=$(cat /home/debian/.ssh/authorized_keys)"
  printf '[Login]\nHandlePowerKey=ignore\n' >/etc/systemd/logind.conf.d/deaf.conf
  systemctl restart systemd-logind && echo "user-script: deaf to the power button"
  echo "user-script: $(printf 'over%s' -and-out)"
} >/dev/ttyS0
`;

/** A whole Debian, emulated, on a machine that may be busy with other things. */
const BOOT_SECONDS = 720;

before(async () => {
  node = await scratchNode({ megabytes: 6144 });
  const payload = {
    uuid,
    brand: 'bhyve',
    bootrom: 'uefi',
    alias: 'cloud',
    hostname: 'cloud-guest',
    ram: 768,
    vcpus: 2,
    flexible_disk_size: 5120,
    customer_metadata: { root_authorized_keys: KEY, 'user-script': SCRIPT },
    disks: [{ image_uuid: await debianMachineImage(node), boot: true, model: 'virtio', size: 4096, refreservation: 0 }],
    nics: [{ nic_tag: 'admin', model: 'virtio', ips: ['10.77.0.73/24'], gateways: ['10.77.0.1'], mac: '02:08:20:00:00:73', primary: true }],
  };
  const { status, stderr } = await cli(node, 'vmadm', ['create'], { input: JSON.stringify(payload) });
  assert.equal(status, 0, stderr);
  guest = await openConsole(node, uuid);
  await guest.says(/user-script: over-and-out/, BOOT_SECONDS);
});

after(async () => {
  guest?.close();
  await cli(node, 'vmadm', ['delete', uuid]);
  await node.remove();
});

test('cloud-init takes the host name from the metadata service, makes its user and runs the user-script', async () => {
  await guest.says(/user-script: host=cloud-guest user=debian /);
});

test('the operator\'s key lets them in as that user', async () => {
  assert.ok(guest.text().includes(`user-script: key=${KEY}`), guest.text().slice(-3000));
});

test('a machine that boots by UEFI has a root file system as large as its disk, not as its image', async () => {
  const [, size = '0'] = await guest.says(/ root=(\d+) efi=yes/);
  assert.ok(Number(size) > 3500 && Number(size) <= 4096, `${size} MiB`);
});

test('cloud-init configures the network, and the host reaches the guest', async () => {
  for (let tries = 0; tries < 60; tries++) {
    if ((await run(['ping', '-c', '1', '-W', '1', '10.77.0.73'], { acceptExitCodes: [0, 1] })).exitCode === 0) return;
  }
  assert.fail(`no answer; the console says:\n${guest.text().slice(-3000)}`);
});

test('info has what the guest says of itself through its agent', async () => {
  const { stdout, stderr, status } = await cli(node, 'vmadm', ['info', uuid, 'guest']);
  assert.equal(status, 0, stderr);
  const { guest: facts } = JSON.parse(stdout) as { guest: { agent: boolean; hostname: string; system: string; interfaces: Array<{ mac: string; ips: string[] }> } };
  assert.deepEqual([facts.agent, facts.hostname], [true, 'cloud-guest']);
  assert.match(facts.system, /^Debian GNU\/Linux/);
  const nic = facts.interfaces.find(({ mac }) => mac === '02:08:20:00:00:73');
  assert.ok(nic?.ips.includes('10.77.0.73/24'), stdout);
});

test('a guest that ignores its power button is shut down by its agent, and not by force', async () => {
  await guest.says(/user-script: deaf to the power button/);
  const { stderr, status } = await cli(node, 'vmadm', ['stop', '-t', '400', uuid]);
  assert.deepEqual([status, stderr], [0, `Successfully completed stop for VM ${uuid}\n`]);
  await guest.says(/reboot: Power down/, 1);
});
