/** A pool that runs full under a machine: the machine waits, nothing else is harmed, and it goes on when there is room. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { servicePid } from '../../../vmadm/metadata/ensure-service.ts';
import { cli } from '../../support/cli.ts';
import { openConsole, type GuestConsole } from '../../support/guest-console.ts';
import { scratchNode, type ScratchNode } from '../../support/scratch-node.ts';
import { tinyMachineImage } from '../../support/seed-images.ts';

let node: ScratchNode;
let image: string;
const [greedy, neighbour, reserve] = [randomUUID(), randomUUID(), randomUUID()];
const consoles = new Map<string, GuestConsole>();

before(async () => {
  node = await scratchNode({ megabytes: 768 });
  image = await tinyMachineImage(node);
  // Nothing is set aside for what the first writes; all that the second may write is its own already.
  await boot(greedy, { size: 1024, refreservation: 0 });
  await boot(neighbour, { size: 32 });
  await create(reserve, { autoboot: false, disks: [{ size: 256, model: 'virtio' }] });
});

after(async () => {
  for (const guest of consoles.values()) guest.close();
  for (const uuid of [greedy, neighbour, reserve]) await cli(node, 'vmadm', ['delete', uuid]);
  await node.remove();
});

async function boot(uuid: string, disk: Record<string, unknown>): Promise<void> {
  await create(uuid, { disks: [{ image_uuid: image, boot: true, model: 'virtio', refreservation: 0 }, { model: 'virtio', ...disk }] });
  const guest = await openConsole(node, uuid);
  consoles.set(uuid, guest);
  await guest.says(/tiny-vm is up/);
}

async function create(uuid: string, more: Record<string, unknown>): Promise<void> {
  const { status, stderr } = await cli(node, 'vmadm', ['create'], { input: JSON.stringify({ uuid, brand: 'kvm', ram: 128, quota: 1, ...more }) });
  assert.equal(status, 0, stderr);
}

interface Shown {
  readonly state: string;
  readonly paused?: { readonly reason: string; readonly since: string };
}

async function get(uuid: string): Promise<Shown> {
  const { stdout, stderr, status } = await cli(node, 'vmadm', ['get', uuid]);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Shown;
}

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  for (let tries = 0; tries < 1200; tries++) {
    if (await holds()) return;
    await sleep(200);
  }
  assert.fail(`${what} has not come; the greedy guest's console says:\n${consoles.get(greedy)?.text().slice(-1500)}`);
}

test('a machine that fills the pool stands still, and get says why', async () => {
  consoles.get(greedy)?.type('dd if=/dev/zero of=/dev/vdb bs=1M count=560 && sync && echo wrote-$((40+2))');
  await until(async () => (await get(greedy)).paused !== undefined, 'the pause');
  const { state, paused } = await get(greedy);
  assert.deepEqual([state, paused?.reason], ['running', 'no-space']);
  assert.match(String(paused?.since), /^\d{4}-\d\d-\d\dT/);
  const { stdout } = await cli(node, 'vmadm', ['info', greedy, 'status']);
  assert.deepEqual((JSON.parse(stdout) as { status: { running: boolean; status: string } }).status, { running: false, singlestep: false, status: 'io-error' });
});

test('its neighbour, whose disk is set aside for it, writes on', async () => {
  assert.equal((await get(neighbour)).paused, undefined);
  consoles.get(neighbour)?.type('dd if=/dev/zero of=/dev/vdb bs=1M count=32 conv=fsync && echo wrote-$((40+3))');
  await consoles.get(neighbour)?.says(/wrote-43/);
});

test('another machine is refused for want of room, with the numbers', async () => {
  const { status, stderr } = await cli(node, 'vmadm', ['create'], { input: JSON.stringify({ brand: 'kvm', ram: 64, quota: 1, disks: [{ size: 64, model: 'virtio' }] }) });
  assert.equal(status, 1);
  assert.match(stderr, /^no space: pool \S+ has \d+ MiB left and the instance needs \d+ MiB/);
});

test('whoever supervises next knows of the pause, and lets the machine go on when there is room again', async () => {
  const pid = await servicePid(node);
  assert.ok(pid);
  process.kill(pid, 'SIGKILL');
  while (existsSync(`/proc/${pid}`)) await sleep(5);
  const { paused } = await get(greedy);
  assert.equal(paused?.reason, 'no-space');
  // This asks the next service, which has asked QEMU: it stands still since then, not since somebody looked.
  assert.equal((await cli(node, 'vmadm', ['info', greedy, 'vnc'])).status, 0);
  assert.deepEqual((await get(greedy)).paused, paused);
  const deleted = await cli(node, 'vmadm', ['delete', reserve]);
  assert.deepEqual([deleted.status, deleted.stderr], [0, `Successfully deleted VM ${reserve}\n`]);
  await consoles.get(greedy)?.says(/wrote-42/, 240);
  await until(async () => (await get(greedy)).paused === undefined, 'its end');
});
