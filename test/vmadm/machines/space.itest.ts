/** What a bhyve machine may take of the pool, and is given: the arithmetic of reference §2.8. */
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { dataset, type Dataset, type MiB } from '../../../host/config/units.ts';
import { getProperties, snapshotDataset } from '../../../host/zfs/zfs.ts';
import { setAside, volumePlace } from '../../../host/zfs/volume.ts';
import { cli } from '../../support/cli.ts';
import { scratchNode, type ScratchNode } from '../../support/scratch-node.ts';

let node: ScratchNode;

before(async () => {
  node = await scratchNode({ megabytes: 8192 });
});

after(() => node.remove());

const MIB = 1024 * 1024;
/** Both disks, with what the pool sets aside for pointers to their blocks. */
const reserved = (size: number): number => setAside(node, size as MiB, size as MiB);

async function create(more: Record<string, unknown>): Promise<string> {
  const uuid = randomUUID();
  const payload = { uuid, brand: 'bhyve', ram: 64, autoboot: false, disks: [{ size: 64, model: 'virtio' }, { size: 32, model: 'virtio' }], ...more };
  const { status, stderr } = await cli(node, 'vmadm', ['create'], { input: JSON.stringify(payload) });
  assert.equal(status, 0, stderr);
  return uuid;
}

function update(uuid: string, payload: Record<string, unknown>) {
  return cli(node, 'vmadm', ['update', uuid], { input: JSON.stringify(payload) });
}

async function spaceOf(uuid: string): Promise<Record<string, number>> {
  const properties = await getProperties(dataset(node.pool, uuid), 'quota', 'refquota', 'reservation', 'refreservation');
  return Object.fromEntries(Object.entries(properties ?? {}).map(([name, value]) => [name, Number(value) / MIB]));
}

async function freeSpaceOf(uuid: string): Promise<unknown> {
  return (JSON.parse((await cli(node, 'vmadm', ['get', uuid])).stdout) as Record<string, unknown>)['free_space'];
}

/** 8 MiB at the beginning of a disk. */
async function writeTo(disk: Dataset): Promise<void> {
  const file = await open(volumePlace(node, disk).path, 'r+');
  await file.write(randomBytes(8 * MIB), 0, 8 * MIB, 0);
  await file.sync();
  await file.close();
}

async function accepted(uuid: string, payload: Record<string, unknown>): Promise<void> {
  const { status, stderr } = await update(uuid, payload);
  assert.deepEqual([status, stderr], [0, `Successfully updated VM ${uuid}\n`]);
}

test('without flexible_disk_size it may take its quota and its disks, and all of that is set aside', async () => {
  const uuid = await create({ quota: 2 });
  const all = 2048 + reserved(64) + reserved(32);
  assert.deepEqual(await spaceOf(uuid), { quota: all, refquota: 2048, reservation: all, refreservation: 2047 });
  assert.equal(await freeSpaceOf(uuid), undefined);
  await cli(node, 'vmadm', ['delete', uuid]);
});

test('a quota of 0 counts as 1 GiB', async () => {
  const uuid = await create({ quota: 0 });
  assert.equal((await spaceOf(uuid))['refquota'], 1024);
  await cli(node, 'vmadm', ['delete', uuid]);
});

test('flexible_disk_size leaves the disks room for snapshots, and free_space says how much', async () => {
  const uuid = await create({ flexible_disk_size: 160 });
  const all = 1024 + reserved(64) + reserved(32) + 160 - 96;
  assert.deepEqual(await spaceOf(uuid), { quota: all, refquota: 1024, reservation: all, refreservation: 1023 });
  assert.equal(await freeSpaceOf(uuid), 64);
  const disk = dataset(node.pool, uuid, 'disk0');
  await writeTo(disk);
  await snapshotDataset(disk, 'before');
  assert.equal(await freeSpaceOf(uuid), 64);
  // What is written anew lies there twice from now on, as soon as ZFS has counted it.
  await writeTo(disk);
  for (let tries = 0; tries < 300 && Number(await freeSpaceOf(uuid)) > 56; tries++) await sleep(100);
  assert.ok(Number(await freeSpaceOf(uuid)) <= 56 && Number(await freeSpaceOf(uuid)) >= 50, String(await freeSpaceOf(uuid)));
  await cli(node, 'vmadm', ['delete', uuid]);
});

test('every change of disks, quota or flexible_disk_size counts anew', async () => {
  const uuid = await create({ flexible_disk_size: 160 });
  const path = `/dev/zvol/${node.pool}/${uuid}/disk1`;
  await accepted(uuid, { update_disks: [{ path, size: 64 }] });
  assert.equal((await spaceOf(uuid))['quota'], 1024 + 2 * reserved(64) + 160 - 128);
  assert.equal(await freeSpaceOf(uuid), 32);
  await accepted(uuid, { quota: 2, flexible_disk_size: 256 });
  assert.deepEqual(await spaceOf(uuid), { quota: 2048 + 2 * reserved(64) + 128, refquota: 2048, reservation: 2048 + 2 * reserved(64) + 128, refreservation: 2047 });
  await accepted(uuid, { quota: 1, remove_disks: [path] });
  assert.deepEqual(await spaceOf(uuid), { quota: 1024 + reserved(64) + 192, refquota: 1024, reservation: 1024 + reserved(64) + 192, refreservation: 1023 });
  await accepted(uuid, { add_disks: [{ size: 100, model: 'virtio' }] });
  assert.equal(await freeSpaceOf(uuid), 92);
  await cli(node, 'vmadm', ['delete', uuid]);
});

test('a thin disk may grow to its size, but nothing is set aside for it', async () => {
  const uuid = await create({ disks: [{ size: 512, model: 'virtio', refreservation: 0 }] });
  assert.deepEqual(await spaceOf(uuid), { quota: 1024 + reserved(512), refquota: 1024, reservation: 1024, refreservation: 1023 });
  await cli(node, 'vmadm', ['delete', uuid]);
});

test('disks beyond flexible_disk_size are refused, at create and when one is added or grows', async () => {
  const refusal = /^flexible_disk_size \(160 MiB\) is smaller than the disks together \(\d+ MiB\)/;
  const created = await cli(node, 'vmadm', ['create'], { input: JSON.stringify({ brand: 'bhyve', ram: 64, flexible_disk_size: 160, disks: [{ size: 161, model: 'virtio' }] }) });
  assert.equal(created.status, 1);
  assert.match(created.stderr, refusal);
  const uuid = await create({ flexible_disk_size: 160 });
  for (const payload of [{ add_disks: [{ size: 65, model: 'virtio' }] }, { update_disks: [{ path: `/dev/zvol/${node.pool}/${uuid}/disk0`, size: 129 }] }]) {
    const { status, stderr } = await update(uuid, payload);
    assert.equal(status, 1);
    assert.match(stderr, refusal);
  }
  assert.equal(await freeSpaceOf(uuid), 64);
  await cli(node, 'vmadm', ['delete', uuid]);
});

test('more than the pool has is refused with the numbers, and nothing changes', async () => {
  const uuid = await create({});
  const before_ = await spaceOf(uuid);
  const { status, stderr } = await update(uuid, { flexible_disk_size: 99999 });
  assert.equal(status, 1);
  assert.match(stderr, /^no space: pool \S+ has \d+ MiB left and the instance needs \d+ MiB/);
  assert.deepEqual(await spaceOf(uuid), before_);
  await cli(node, 'vmadm', ['delete', uuid]);
});
