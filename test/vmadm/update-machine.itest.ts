/** Updates of real machines: disks, limits and what QEMU is told while it runs. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { hierarchyOf } from '../../host/cgroup/hierarchies.ts';
import { dataset, type MiB } from '../../host/config/units.ts';
import { setAside } from '../../host/zfs/volume.ts';
import { getProperties, listChildren } from '../../host/zfs/zfs.ts';
import { control } from '../../vmadm/machines/control.ts';
import { cli } from '../support/cli.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';
import { tracesOn } from '../support/traces.ts';
import { pointsOf, updatingOn } from '../support/updating.ts';

let node: ScratchNode;
const { update, updated, get, remove: removeInstance } = updatingOn(() => node);

before(async () => {
  node = await scratchNode();
});

after(() => node.remove());

const MIB = 1024 * 1024;

type Disk = { readonly path: string; readonly size: number; readonly refreservation: number };

async function create(more: Record<string, unknown> = {}): Promise<string> {
  const uuid = randomUUID();
  const disks = [{ size: 64, model: 'virtio', refreservation: 0 }, { size: 32, model: 'virtio' }];
  const payload = { uuid, brand: 'kvm', ram: 64, quota: 1, disks, vnc_password: 'first', ...more };
  const { status, stderr } = await cli(node, 'vmadm', ['create'], { input: JSON.stringify(payload) });
  assert.equal(status, 0, stderr);
  return uuid;
}

async function disksOf(uuid: string): Promise<readonly Disk[]> {
  return (await get(uuid))['disks'] as readonly Disk[];
}

/** Every disk that there is of a machine in the pool, with the size of its file. */
async function volumes(uuid: string): Promise<Record<string, number>> {
  const names = (await listChildren(dataset(node.pool), 'name')).map(({ name }) => name.slice(node.pool.length + 1)).filter((name) => name.startsWith(`${uuid}-disk`));
  const sizes = await Promise.all(names.map(async (name) => [name.slice(uuid.length + 1), (await stat(join(node.mountpoint, name, 'disk.raw'))).size / MIB] as const));
  return Object.fromEntries(sizes.sort());
}

async function reservation(uuid: string, disk: string): Promise<number> {
  return Number((await getProperties(dataset(node.pool, `${uuid}-${disk}`), 'refreservation'))?.refreservation) / MIB;
}

/** Sizes of the disks as the running QEMU has them. */
async function seenByQemu(uuid: string): Promise<number[]> {
  const blocks = (await control(node, uuid, (qmp) => qmp.execute('query-block'))) as ReadonlyArray<{ readonly device: string; readonly inserted?: { readonly image: { readonly 'virtual-size': number } } }>;
  return blocks.filter(({ device }) => device.startsWith('disk')).map(({ inserted }) => (inserted?.image['virtual-size'] ?? 0) / MIB);
}

async function remove(uuid: string): Promise<void> {
  await removeInstance(uuid);
  assert.deepEqual(await volumes(uuid), {});
}

test('disks are added to a stopped machine and removed from it, and never from one that runs', async () => {
  const uuid = await create();
  for (const payload of [{ add_disks: [{ size: 16, model: 'virtio' }] }, { remove_disks: [(await disksOf(uuid))[1]?.path] }]) {
    const { status, stderr } = await update(uuid, payload);
    assert.deepEqual([status, stderr], [1, 'updates to disks are only allowed when state is "stopped", currently: running (running)\n']);
  }
  await cli(node, 'vmadm', ['stop', '-F', uuid]);
  await updated(uuid, { add_disks: [{ size: 16, model: 'virtio' }] });
  assert.deepEqual(await volumes(uuid), { disk0: 64, disk1: 32, disk2: 16 });
  const [, second] = await disksOf(uuid);
  await updated(uuid, { remove_disks: [second?.path], add_disks: [{ size: 8, model: 'virtio' }] });
  assert.deepEqual(await volumes(uuid), { disk0: 64, disk2: 16, disk3: 8 });
  assert.deepEqual((await disksOf(uuid)).map(({ size }) => size), [64, 16, 8]);
  assert.equal((await cli(node, 'vmadm', ['start', uuid])).status, 0);
  assert.deepEqual(await seenByQemu(uuid), [64, 16, 8]);
  await remove(uuid);
});

test('a disk grows while the machine runs, with what is set aside for it, and does not shrink', async () => {
  const uuid = await create();
  const [first, second] = await disksOf(uuid);
  await updated(uuid, { update_disks: [{ path: first?.path, size: 128 }, { path: second?.path, size: 48 }] });
  assert.deepEqual(await volumes(uuid), { disk0: 128, disk1: 48 });
  assert.deepEqual(await seenByQemu(uuid), [128, 48]);
  assert.deepEqual((await disksOf(uuid)).map(({ size, refreservation }) => [size, refreservation]), [[128, 0], [48, 48]]);
  assert.equal(await reservation(uuid, 'disk1'), setAside(node, 48 as MiB, 48 as MiB));
  const shrunk = await update(uuid, { update_disks: [{ path: first?.path, size: 64 }] });
  assert.deepEqual([shrunk.status, shrunk.stderr], [1, 'at least one specified update to disks is only allowed when state is "stopped", currently: running (running)\n']);
  await cli(node, 'vmadm', ['stop', '-F', uuid]);
  const refused = await update(uuid, { update_disks: [{ path: first?.path, size: 64 }] });
  assert.deepEqual([refused.status, refused.stderr], [1, 'cannot resize disk: new size must be greater than current size. (128 > 64)\n']);
  assert.deepEqual(await volumes(uuid), { disk0: 128, disk1: 48 });
  await remove(uuid);
});

test('U60: what is set aside for a disk changes while the machine runs', async () => {
  const uuid = await create();
  const path = (await disksOf(uuid))[1]?.path;
  for (const refreservation of [16, 0, 32]) {
    await updated(uuid, { update_disks: [{ path, refreservation }] });
    assert.equal((await disksOf(uuid))[1]?.refreservation, refreservation);
    assert.equal((await reservation(uuid, 'disk1')) || 0, setAside(node, 32 as MiB, refreservation as MiB));
  }
  await remove(uuid);
});

test('a disk that the pool has no room for is refused before anything is made', async () => {
  const uuid = await create({ autoboot: false });
  const { status, stderr } = await update(uuid, { add_disks: [{ size: 999_999, model: 'virtio' }] });
  assert.equal(status, 1);
  assert.match(stderr, /^no space: pool /);
  assert.deepEqual(await volumes(uuid), { disk0: 64, disk1: 32 });
  await remove(uuid);
});

test('a bhyve disk that shrinks on purpose is cut', async () => {
  const uuid = randomUUID();
  const payload = { uuid, brand: 'bhyve', ram: 64, autoboot: false, disks: [{ size: 64, model: 'virtio' }] };
  assert.equal((await cli(node, 'vmadm', ['create'], { input: JSON.stringify(payload) })).status, 0);
  const file = join(node.mountpoint, uuid, 'disk0', 'disk.raw');
  await updated(uuid, { update_disks: [{ path: (await disksOf(uuid))[0]?.path, size: 32, dangerous_allow_shrink: true }] });
  assert.equal((await stat(file)).size / MIB, 32);
  await remove(uuid);
});

test('memory of a running machine is raised at once and lowered when it boots again', async () => {
  const uuid = await create();
  const limit = async (): Promise<number> => {
    const { version, directory } = hierarchyOf('memory') ?? { version: 2, directory: '' };
    const file = version === 1 ? 'memory.limit_in_bytes' : 'memory.max';
    return Number(await readFile(join(directory, node.cgroup, uuid, file), 'utf8')) / MIB;
  };
  assert.equal(await limit(), 64 + 1024);
  await updated(uuid, { ram: 128 });
  assert.equal(await limit(), 128 + 1024);
  const { stderr } = await update(uuid, { ram: 64 }, { VMADM_WARN: '1' });
  assert.equal(stderr, `Successfully updated VM ${uuid}\npending: reboot required for ram, max_physical_memory, max_swap\n`);
  assert.equal(await limit(), 128 + 1024);
  await cli(node, 'vmadm', ['stop', '-F', uuid]);
  await cli(node, 'vmadm', ['start', uuid]);
  assert.equal(await limit(), 64 + 1024);
  await remove(uuid);
});

test('the password of VNC is changed while the machine runs, and is in no journal', async () => {
  const uuid = await create();
  assert.equal((await updated(uuid, { vnc_password: 'second' }))['vnc_password'], 'second');
  assert.ok(!(await readFile(node.paths.audit, 'utf8')).includes('second'));
  const { stderr } = await update(uuid, { vnc_password: '' }, { VMADM_WARN: '1' });
  assert.equal(stderr, `Successfully updated VM ${uuid}\npending: reboot required for vnc_password\n`);
  await remove(uuid);
});

test('nics that are removed while the machine runs are taken away when it stops', async () => {
  const uuid = await create({ nics: ['10.77.0.81', '10.77.0.82'].map((ip) => ({ nic_tag: 'admin', model: 'virtio', ip, netmask: '255.255.255.0' })) });
  const macs = ((await get(uuid))['nics'] as Array<{ mac: string }>).map(({ mac }) => mac);
  await updated(uuid, { remove_nics: macs });
  await cli(node, 'vmadm', ['stop', '-F', uuid]);
  const traces = await tracesOn(node, uuid);
  assert.deepEqual([traces.interfaces, traces.chains], [[], []]);
  await remove(uuid);
});

test('arguments for the hypervisor are refused in an update as they are in a create', async () => {
  const uuid = await create({ autoboot: false });
  const { status, stderr } = await update(uuid, { qemu_extra_opts: '-drive file=/etc/shadow' });
  assert.equal(status, 1);
  assert.match(stderr, /^refusing qemu_extra_opts: /);
  await remove(uuid);
});

test('a machine boots once from what the start names, and only from what is nobody else\'s', async () => {
  const [uuid, other] = [await create({ autoboot: false }), await create({ autoboot: false })];
  const iso = join(node.mountpoint, '..', 'boot.iso');
  await writeFile(iso, Buffer.alloc(2 * MIB));
  const { status, stderr } = await cli(node, 'vmadm', ['start', uuid, 'order=cd,once=d', `cdrom=${iso},ide`]);
  assert.equal(status, 0, stderr);
  assert.deepEqual(await seenByQemu(uuid), [64, 32, 2]);
  const pid = String((await get(uuid))['pid']);
  assert.match(await readFile(`/proc/${pid}/cmdline`, 'utf8'), /-boot\0[^\0]*order=cd,once=d/);
  await cli(node, 'vmadm', ['stop', '-F', uuid]);
  await cli(node, 'vmadm', ['start', uuid]);
  assert.deepEqual(await seenByQemu(uuid), [64, 32]);
  await cli(node, 'vmadm', ['stop', '-F', uuid]);
  for (const [extra, message] of [
    [`disk=${join(node.mountpoint, `${other}-disk0`, 'disk.raw')},virtio`, /belongs to pool/],
    ['cdrom=boot.iso,ide', /is not there/],
    ['cdrom=/no/such.iso,ide', /is not there/],
    [`disk=${iso},floppy`, /not a valid disk model/],
  ] as const) {
    const refused = await cli(node, 'vmadm', ['start', uuid, extra]);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, message);
    assert.ok(refused.stderr.startsWith(`Unable to start VM ${uuid}: `));
  }
  await remove(other);
  await remove(uuid);
});

test('sysrq sends an NMI, and puts a picture of the screen beside the machine', async () => {
  const uuid = await create();
  const nmi = await cli(node, 'vmadm', ['sysrq', uuid, 'nmi']);
  assert.deepEqual([nmi.status, nmi.stderr], [0, `Sent NMI to VM ${uuid}\n`]);
  const picture = await cli(node, 'vmadm', ['sysrq', uuid, 'screenshot']);
  assert.deepEqual([picture.status, picture.stderr], [0, `Sent screenshot sysrq to VM ${uuid}\n`]);
  const content = await readFile(join(node.mountpoint, uuid, 'root', 'tmp', 'vm.ppm'));
  const [, width, height] = /^P6\s(\d+) (\d+)\s255\s/.exec(content.toString('latin1', 0, 32)) ?? [];
  assert.ok(Number(width) > 0 && content.length > Number(width) * Number(height) * 3);
  assert.deepEqual((await readdir(join(node.mountpoint, uuid, 'root', 'tmp'))), ['vm.ppm']);
  await cli(node, 'vmadm', ['stop', '-F', uuid]);
  const stopped = await cli(node, 'vmadm', ['sysrq', uuid, 'nmi']);
  assert.deepEqual([stopped.status, stopped.stderr], [1, 'cannot send sysrq nmi when state is "stopped", must be "running".\n']);
  await remove(uuid);
});

async function killed(uuid: string, payload: unknown, point: string): Promise<void> {
  const { signal, stderr } = await update(uuid, payload, { ZONEWRIGHT_CRASH_AT: point });
  assert.equal(signal, 'SIGKILL', `${point}: ${stderr}`);
  await cli(node, 'vmadm', ['delete', randomUUID()]);
}

test('adding disks that is killed anywhere has added none once the next command ran', async () => {
  const uuid = await create({ autoboot: false });
  const vm = await get(uuid);
  for (const point of pointsOf(3)) {
    await killed(uuid, { add_disks: [{ size: 16, model: 'virtio' }, { size: 8, model: 'virtio' }] }, point);
    assert.deepEqual(await get(uuid), vm, point);
    assert.deepEqual(await volumes(uuid), { disk0: 64, disk1: 32 }, point);
  }
  await remove(uuid);
});

test('removing a disk that is killed anywhere is complete once the next command ran', async () => {
  for (const point of [...pointsOf(2), 'after:commit']) {
    const uuid = await create({ autoboot: false });
    await killed(uuid, { remove_disks: [(await disksOf(uuid))[0]?.path] }, point);
    assert.deepEqual((await disksOf(uuid)).map(({ size }) => size), [32], point);
    assert.deepEqual(await volumes(uuid), { disk1: 32 }, point);
    await remove(uuid);
  }
});

test('growing a disk of a running machine that is killed anywhere has grown nothing once the next command ran', async () => {
  const uuid = await create();
  const vm = await get(uuid);
  for (const point of pointsOf(3)) {
    await killed(uuid, { update_disks: [{ path: (await disksOf(uuid))[1]?.path, size: 96 }] }, point);
    assert.deepEqual(await get(uuid), vm, point);
    assert.deepEqual(await volumes(uuid), { disk0: 64, disk1: 32 }, point);
    assert.deepEqual(await seenByQemu(uuid), [64, 32], point);
    assert.equal(await reservation(uuid, 'disk1'), setAside(node, 32 as MiB, 32 as MiB), point);
  }
  await remove(uuid);
});
