import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { run } from '../../host/run/run.ts';
import { cli } from '../support/cli.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';
import { minimalImage } from '../support/seed-images.ts';
import { NO_TRACES, tracesOn } from '../support/traces.ts';

let node: ScratchNode;
let images: { lx: string; zone: string };

before(async () => {
  node = await scratchNode();
  images = await minimalImage(node);
});

after(() => node.remove());

function payload(uuid: string, address: number, more: Record<string, unknown> = {}): string {
  return JSON.stringify({
    uuid,
    brand: 'lx',
    kernel_version: '6.1.0',
    image_uuid: images.lx,
    alias: `zone-${address}`,
    hostname: `host-${address}`,
    resolvers: ['10.77.0.1'],
    dns_domain: 'example.com',
    max_physical_memory: 128,
    quota: 1,
    nics: [{ nic_tag: 'admin', ip: `10.77.0.${address}`, netmask: '255.255.255.0', gateway: '10.77.0.1', primary: true }],
    ...more,
  });
}

async function get(uuid: string): Promise<Record<string, unknown>> {
  const { stdout, stderr, status } = await cli(node, 'vmadm', ['get', uuid]);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Record<string, unknown>;
}

async function inside(uuid: string, command: string): Promise<string> {
  const { stdout, stderr, status } = await cli(node, 'zlogin', [uuid, command]);
  assert.equal(status, 0, `${command}: ${stderr}`);
  return stdout.trim();
}

test('create boots a zone that has its name, addresses and resolvers, and that the host reaches', async () => {
  const uuid = randomUUID();
  const created = await cli(node, 'vmadm', ['create'], { input: payload(uuid, 10) });
  assert.deepEqual(created, { stdout: '', stderr: `Successfully created VM ${uuid}\n`, status: 0, signal: null });
  await run(['ping', '-c', '1', '-W', '5', '10.77.0.10']);
  const vm = await get(uuid);
  assert.equal(vm['state'], 'running');
  assert.equal(vm['zone_state'], 'running');
  assert.equal(typeof vm['pid'], 'number');
  assert.equal(await inside(uuid, 'hostname'), 'host-10');
  assert.match(await inside(uuid, 'ip -4 addr show eth0'), /10\.77\.0\.10\/24/);
  assert.match(await inside(uuid, 'ip route'), /default via 10\.77\.0\.1 dev eth0/);
  assert.equal(await inside(uuid, 'cat /etc/resolv.conf'), 'search example.com\nnameserver 10.77.0.1');
  assert.equal(await inside(uuid, 'id -u'), '0');
  const deleted = await cli(node, 'vmadm', ['delete', uuid]);
  assert.deepEqual(deleted, { stdout: '', stderr: `Successfully deleted VM ${uuid}\n`, status: 0, signal: null });
  assert.deepEqual(await tracesOn(node, uuid), NO_TRACES);
});

test('stop and start are idempotent, say so on stderr with exit 0, and set autoboot', async () => {
  const uuid = randomUUID();
  await cli(node, 'vmadm', ['create'], { input: payload(uuid, 11) });
  const stopped = await cli(node, 'vmadm', ['stop', uuid]);
  assert.deepEqual([stopped.status, stopped.stderr], [0, `Successfully completed stop for VM ${uuid}\n`]);
  assert.deepEqual([(await get(uuid))['state'], (await get(uuid))['autoboot']], ['stopped', false]);
  assert.equal('pid' in (await get(uuid)), false);
  const again = await cli(node, 'vmadm', ['stop', uuid]);
  assert.deepEqual([again.status, again.stderr], [0, `VM ${uuid} is already not 'running' (currently: stopped)\n`]);
  const started = await cli(node, 'vmadm', ['start', uuid]);
  assert.deepEqual([started.status, started.stderr], [0, `Successfully started VM ${uuid}\n`]);
  assert.deepEqual([(await get(uuid))['state'], (await get(uuid))['autoboot']], ['running', true]);
  const startedAgain = await cli(node, 'vmadm', ['start', uuid]);
  assert.deepEqual([startedAgain.status, startedAgain.stderr], [0, `VM ${uuid} is already 'running'\n`]);
  await cli(node, 'vmadm', ['delete', uuid]);
});

test('what a zone wrote is there after stop and start', async () => {
  const uuid = randomUUID();
  await cli(node, 'vmadm', ['create'], { input: payload(uuid, 12) });
  await inside(uuid, 'echo kept > /root/note');
  await cli(node, 'vmadm', ['stop', '-F', uuid]);
  await cli(node, 'vmadm', ['start', uuid]);
  assert.equal(await inside(uuid, 'cat /root/note'), 'kept');
  await cli(node, 'vmadm', ['delete', uuid]);
});

test('reboot gives the zone a new init, asked for, by force, and from inside', async () => {
  const uuid = randomUUID();
  await cli(node, 'vmadm', ['create'], { input: payload(uuid, 13) });
  let pid = (await get(uuid))['pid'];
  for (const args of [['reboot', uuid], ['reboot', '-F', uuid]]) {
    const { status, stderr } = await cli(node, 'vmadm', args);
    assert.deepEqual([status, stderr], [0, `Successfully completed reboot for VM ${uuid}\n`]);
    assert.notEqual((await get(uuid))['pid'], pid);
    pid = (await get(uuid))['pid'];
  }
  await inside(uuid, 'reboot');
  for (let tries = 0; tries < 100 && ((await get(uuid))['pid'] ?? pid) === pid; tries++);
  assert.notEqual((await get(uuid))['pid'], pid);
  await run(['ping', '-c', '1', '-W', '5', '10.77.0.13']);
  await cli(node, 'vmadm', ['delete', uuid]);
  assert.deepEqual(await tracesOn(node, uuid), NO_TRACES);
});

test('a zone that powers itself off is stopped, and can be started and deleted', async () => {
  const uuid = randomUUID();
  await cli(node, 'vmadm', ['create'], { input: payload(uuid, 14) });
  await inside(uuid, 'poweroff');
  for (let tries = 0; tries < 100 && (await get(uuid))['state'] !== 'stopped'; tries++);
  assert.equal((await get(uuid))['state'], 'stopped');
  assert.equal((await get(uuid))['autoboot'], true);
  assert.equal((await cli(node, 'vmadm', ['start', uuid])).status, 0);
  await cli(node, 'vmadm', ['delete', uuid]);
  assert.deepEqual(await tracesOn(node, uuid), NO_TRACES);
});

test('create with autoboot false leaves a stopped zone that joyent brands name net0', async () => {
  const uuid = randomUUID();
  const input = payload(uuid, 15, { brand: 'joyent-minimal', image_uuid: images.zone, autoboot: false });
  assert.equal((await cli(node, 'vmadm', ['create'], { input })).status, 0);
  const vm = await get(uuid);
  assert.equal(vm['state'], 'stopped');
  assert.equal(vm['autoboot'], false);
  assert.equal((vm['nics'] as Array<{ interface: string }>)[0]?.interface, 'net0');
  await cli(node, 'vmadm', ['delete', uuid]);
});

test('kill sends a signal to the init of a running zone and refuses what is not one', async () => {
  const uuid = randomUUID();
  await cli(node, 'vmadm', ['create'], { input: payload(uuid, 16) });
  const sent = await cli(node, 'vmadm', ['kill', '-s', 'WINCH', uuid]);
  assert.deepEqual([sent.status, sent.stderr], [0, `Sent signal "SIGWINCH" to init process for VM ${uuid}\n`]);
  const wrong = await cli(node, 'vmadm', ['kill', '-s', 'NONSENSE', uuid]);
  assert.deepEqual([wrong.status, wrong.stderr], [1, 'Unknown signal "NONSENSE"\n']);
  const killed = await cli(node, 'vmadm', ['kill', '-KILL', uuid]);
  assert.equal(killed.status, 0, killed.stderr);
  for (let tries = 0; tries < 100 && (await get(uuid))['state'] !== 'stopped'; tries++);
  const dead = await cli(node, 'vmadm', ['kill', uuid]);
  assert.deepEqual([dead.status, dead.stderr], [1, `Cannot find running init PID for VM ${uuid}\n`]);
  await cli(node, 'vmadm', ['delete', uuid]);
});

test('ten zones created at once all get what is theirs', async () => {
  const uuids = Array.from({ length: 10 }, () => randomUUID());
  const created = await Promise.all(uuids.map((uuid, index) => cli(node, 'vmadm', ['create'], { input: payload(uuid, 100 + index) })));
  assert.deepEqual(created.map(({ status, stderr }) => [status, stderr]), uuids.map((uuid) => [0, `Successfully created VM ${uuid}\n`]));
  for (const [index] of uuids.entries()) await run(['ping', '-c', '1', '-W', '5', `10.77.0.${100 + index}`]);
  const deleted = await Promise.all(uuids.map((uuid) => cli(node, 'vmadm', ['delete', uuid])));
  assert.deepEqual(deleted.map(({ status }) => status), uuids.map(() => 0));
  for (const uuid of uuids) assert.deepEqual(await tracesOn(node, uuid), NO_TRACES);
});

test('of two creates at once with one address, one wins and the other is refused', async () => {
  const uuids = [randomUUID(), randomUUID()];
  const results = await Promise.all(uuids.map((uuid) => cli(node, 'vmadm', ['create'], { input: payload(uuid, 17, { autoboot: false }) })));
  const statuses = results.map(({ status }) => status).sort();
  assert.deepEqual(statuses, [0, 1]);
  assert.match(results.map(({ stderr }) => stderr).join(''), /Conflict detected with another vm, please check the MAC, IP, and VRID/);
  for (const uuid of uuids) await cli(node, 'vmadm', ['delete', uuid]);
});

test('plan create prints the steps and changes nothing', async () => {
  const uuid = randomUUID();
  const { stdout, status } = await cli(node, 'vmadm', ['plan', 'create'], { input: payload(uuid, 18) });
  assert.equal(status, 0);
  assert.match(stdout, /clone image/);
  assert.match(stdout, /boot the zone/);
  assert.deepEqual(await tracesOn(node, uuid), NO_TRACES);
});
