import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { dataset } from '../../host/config/units.ts';
import { hostInterfaceName } from '../../host/net/names.ts';
import { run } from '../../host/run/run.ts';
import { getProperties, listChildren } from '../../host/zfs/zfs.ts';
import { cli } from '../support/cli.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';
import { NO_TRACES, tracesOn } from '../support/traces.ts';

let node: ScratchNode;

before(async () => {
  node = await scratchNode();
});

after(() => node.remove());

/** A machine with blank disks: its firmware runs and finds nothing to boot, which is all that these tests need. */
function payload(uuid: string, more: Record<string, unknown> = {}): string {
  return JSON.stringify({
    uuid,
    brand: 'kvm',
    alias: 'machine',
    ram: 64,
    vcpus: 1,
    quota: 1,
    disks: [
      { size: 64, model: 'virtio', refreservation: 0 },
      { size: 32, model: 'virtio', refreservation: 16 },
    ],
    nics: [{ nic_tag: 'admin', model: 'virtio', ip: '10.77.0.70', netmask: '255.255.255.0', mac: '02:08:20:00:00:70' }],
    ...more,
  });
}

async function get(uuid: string): Promise<Record<string, unknown>> {
  const { stdout, stderr, status } = await cli(node, 'vmadm', ['get', uuid]);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Record<string, unknown>;
}

async function create(more: Record<string, unknown> = {}): Promise<string> {
  const uuid = randomUUID();
  const { stderr, status } = await cli(node, 'vmadm', ['create'], { input: payload(uuid, more) });
  assert.deepEqual([status, stderr], [0, `Successfully created VM ${uuid}\n`]);
  return uuid;
}

async function machineTraces(uuid: string): Promise<string[]> {
  const children = await listChildren(dataset(node.pool), 'name');
  const machines = await readdir(join(node.runDirectory, 'machines')).catch(() => []);
  return [...children.map(({ name }) => name), ...machines].filter((name) => name.includes(uuid));
}

test('a machine is created, runs in QEMU, is listed as KVM, and leaves nothing when it is deleted', async () => {
  const uuid = await create();
  const vm = await get(uuid);
  assert.deepEqual([vm['state'], vm['hvm'], vm['ram'], vm['vcpus']], ['running', true, 64, 1]);
  assert.match(await readFile(`/proc/${String(vm['pid'])}/cmdline`, 'utf8'), new RegExp(`^qemu-system-x86_64.*${uuid}`, 's'));
  const { stdout } = await cli(node, 'vmadm', ['list', '-p', '-o', 'type,ram,state,alias', `uuid=${uuid}`]);
  assert.equal(stdout, 'KVM:64:running:machine\n');
  const disks = vm['disks'] as Array<Record<string, unknown>>;
  assert.deepEqual(disks.map(({ size, refreservation, path }) => ({ size, refreservation, path })), [
    { size: 64, refreservation: 0, path: `/dev/zvol/${node.pool}/${uuid}-disk0` },
    { size: 32, refreservation: 16, path: `/dev/zvol/${node.pool}/${uuid}-disk1` },
  ]);
  assert.equal((await getProperties(dataset(node.pool, `${uuid}-disk1`), 'refreservation'))?.refreservation, String(16 * 1024 * 1024));
  assert.equal((await cli(node, 'vmadm', ['delete', uuid])).stderr, `Successfully deleted VM ${uuid}\n`);
  assert.deepEqual(await machineTraces(uuid), []);
  assert.deepEqual(await tracesOn(node, uuid), NO_TRACES);
});

test('start, stop and reboot work as for zones; a reset keeps pid and boot time', async () => {
  const uuid = await create({ autoboot: false });
  assert.equal((await get(uuid))['state'], 'stopped');
  assert.equal((await cli(node, 'vmadm', ['start', uuid])).stderr, `Successfully started VM ${uuid}\n`);
  const first = await get(uuid);
  assert.equal((await cli(node, 'vmadm', ['reboot', '-F', uuid])).stderr, `Successfully completed reboot for VM ${uuid}\n`);
  const second = await get(uuid);
  assert.deepEqual([second['pid'], second['boot_timestamp']], [first['pid'], first['boot_timestamp']]);
  assert.equal((await cli(node, 'vmadm', ['stop', '-t', '1', uuid])).stderr, `Successfully completed stop for VM ${uuid}\n`);
  assert.deepEqual([(await get(uuid))['state'], (await get(uuid))['autoboot']], ['stopped', false]);
  await cli(node, 'vmadm', ['delete', uuid]);
});

test('a machine that is killed says in get how it ended', async () => {
  const uuid = await create();
  process.kill((await get(uuid))['pid'] as number, 'SIGKILL');
  for (let tries = 0; tries < 100 && (await get(uuid))['state'] !== 'stopped'; tries++);
  const vm = await get(uuid);
  assert.equal(vm['exit_status'], -9);
  assert.match(String(vm['exit_timestamp']), /^\d{4}-\d\d-\d\dT/);
  assert.ok(Array.isArray(vm['exit_console']));
  assert.equal((await cli(node, 'vmadm', ['start', uuid])).status, 0);
  assert.equal('exit_status' in (await get(uuid)), false);
  await cli(node, 'vmadm', ['delete', uuid]);
  assert.deepEqual(await machineTraces(uuid), []);
});

test('info tells what QEMU tells, and refuses what it does not know', async () => {
  const uuid = await create({ vnc_password: 'geheim' });
  const { stdout, status, stderr } = await cli(node, 'vmadm', ['info', uuid, 'status,accel', 'vnc']);
  assert.equal(status, 0, stderr);
  const info = JSON.parse(stdout) as { status: { running: boolean }; accel: { name: string }; vnc: { password: string } };
  assert.deepEqual([info.status.running, info.accel.name, info.vnc.password], [true, 'tcg', 'geheim']);
  const unknown = await cli(node, 'vmadm', ['info', uuid, 'moon']);
  assert.deepEqual([unknown.status, unknown.stderr], [1, `Unable to get VM info for VM ${uuid}: unknown info type moon\n`]);
  await cli(node, 'vmadm', ['delete', uuid]);
});

test('from inside its jail a machine sees its own disks, sockets and taps, and nothing else of the host', async () => {
  const uuid = await create({ vnc_password: 'geheim' });
  const pid = String((await get(uuid))['pid']);
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const uids = /^Uid:\t(\d+)\t(\d+)\t(\d+)\t(\d+)$/m.exec(status)?.slice(1).map(Number) ?? [];
  assert.ok(uids.length === 4 && uids.every((uid) => uid >= 268435456), String(uids));
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) assert.match(status, new RegExp(`^${set}:\t0+$`, 'm'));
  assert.match(status, /^NoNewPrivs:\t1$/m);
  assert.match(status, /^Seccomp:\t2$/m);
  for (const kind of ['mnt', 'pid', 'net', 'ipc', 'uts']) assert.notEqual(await readlink(`/proc/${pid}/ns/${kind}`), await readlink(`/proc/self/ns/${kind}`), kind);
  const root = `/proc/${pid}/root`;
  assert.deepEqual((await readdir(`${root}/disks`)).sort(), ['0', '1']);
  assert.deepEqual((await readdir(root)).filter((name) => !/^(bin|dev|disks|etc|lib|lib64|machine|proc|sbin|tmp|usr)$/.test(name)), []);
  assert.deepEqual((await readdir(`${root}/etc`)).filter((name) => !/^(ld\.so\.cache|alternatives)$/.test(name)), []);
  assert.deepEqual((await readdir(`${root}/tmp`)), []);
  const devices = (await readFile(`/proc/${pid}/net/dev`, 'utf8')).split('\n').slice(2).map((line) => line.split(':')[0]?.trim()).filter(Boolean);
  assert.deepEqual(devices, ['lo']);
  assert.ok(!(await readFile(`/proc/${pid}/cmdline`, 'utf8')).includes('geheim'), 'the password is on the command line');
  const inside = await run(['nsenter', '-t', pid, '-p', '-r', '-m', 'ls', '/proc'], { acceptExitCodes: [0, 1, 127] });
  assert.deepEqual(inside.stdout.split('\n').filter((name) => /^\d+$/.test(name)).length <= 2, true, inside.stdout);
  await cli(node, 'vmadm', ['delete', uuid]);
});

test('a machine\'s nic has a filter at its host side while it runs and none after', async () => {
  const uuid = await create();
  const name = hostInterfaceName(uuid, 0);
  assert.match((await run(['nft', 'list', 'chain', 'netdev', 'zonewright_nics', name])).stdout, /ether saddr != 02:08:20:00:00:70 drop/);
  await cli(node, 'vmadm', ['stop', '-F', uuid]);
  assert.notEqual((await run(['nft', 'list', 'chain', 'netdev', 'zonewright_nics', name], { acceptExitCodes: [0, 1] })).exitCode, 0);
  await cli(node, 'vmadm', ['delete', uuid]);
});

test('arguments for the hypervisor are refused, since they could name any file of the host', async () => {
  for (const properties of [{ qemu_extra_opts: '-drive file=/etc/shadow' }, { qemu_opts: '-monitor stdio' }]) {
    const uuid = randomUUID();
    const { status, stderr } = await cli(node, 'vmadm', ['create'], { input: payload(uuid, properties) });
    assert.equal(status, 1);
    assert.match(stderr, new RegExp(`^refusing ${Object.keys(properties)[0]}: `, 'm'));
    assert.deepEqual(await machineTraces(uuid), []);
  }
});

test('a disk that does not exist is named, and nothing of the start stays', async () => {
  const uuid = randomUUID();
  const disks = [{ media: 'cdrom', path: '/no/such.iso', model: 'ide', nocreate: true }];
  const { status, stderr } = await cli(node, 'vmadm', ['create'], { input: payload(uuid, { disks }) });
  assert.equal(status, 1);
  assert.match(stderr, /disk \/no\/such\.iso is not there/);
  assert.deepEqual(await machineTraces(uuid), []);
});

test('two machines cannot be told to use one disk', async () => {
  const first = await create({ autoboot: false });
  const shared = join(node.mountpoint, `${first}-disk0`, 'disk.raw');
  const uuid = randomUUID();
  const disks = [{ path: shared, model: 'virtio', nocreate: true }];
  const { status, stderr } = await cli(node, 'vmadm', ['create'], { input: payload(uuid, { disks, nics: [] }) });
  assert.equal(status, 1, stderr);
  assert.match(stderr, /disk .* belongs to/);
  await cli(node, 'vmadm', ['delete', first]);
});

const POINTS = ['intent', ...[1, 2, 3, 4, 5, 6].flatMap((step) => [`before:${step}`, `after:${step}`]), 'before:commit'];

test('a create killed at any step leaves nothing once the next command ran', async () => {
  for (const point of POINTS) {
    const uuid = randomUUID();
    const { signal, stderr } = await cli(node, 'vmadm', ['create'], { input: payload(uuid), environment: { ZONEWRIGHT_CRASH_AT: point } });
    assert.equal(signal, 'SIGKILL', `${point}: ${stderr}`);
    await cli(node, 'vmadm', ['delete', randomUUID()]);
    assert.deepEqual(await machineTraces(uuid), [], point);
    assert.deepEqual(await tracesOn(node, uuid), NO_TRACES, point);
  }
});

test('a delete killed at any step is complete once the next command ran', async () => {
  for (const point of POINTS) {
    const uuid = await create();
    const { signal, stderr } = await cli(node, 'vmadm', ['delete', uuid], { environment: { ZONEWRIGHT_CRASH_AT: point } });
    assert.equal(signal, 'SIGKILL', `${point}: ${stderr}`);
    await cli(node, 'vmadm', ['delete', randomUUID()]);
    assert.deepEqual(await machineTraces(uuid), [], point);
    assert.deepEqual(await tracesOn(node, uuid), NO_TRACES, point);
  }
});
