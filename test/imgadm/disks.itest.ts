import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { dataset, vmUuid, type MiB } from '../../host/config/units.ts';
import { run } from '../../host/run/run.ts';
import { cloneVolume, hasVolumes, volumePlace } from '../../host/zfs/volume.ts';
import { destroyDataset, getProperties, listSnapshots } from '../../host/zfs/zfs.ts';
import { findImage } from '../../imgadm/index.ts';
import { deleteInstalled } from '../../imgadm/store/delete.ts';
import { installImage } from '../../imgadm/store/install.ts';
import { getImage, listImages } from '../../imgadm/store/installed.ts';
import { manifestFor } from '../support/archives.ts';
import { compressed, diskDirectory, noise, patched, qcow2Of, rawDisk } from '../support/disks.ts';
import { imageTraces, type ImageTraces } from '../support/image-traces.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';

let node: ScratchNode;
let untouched: ImageTraces;

before(async () => {
  node = await scratchNode();
  const { uuid } = await installed(await rawDisk(1));
  await deleteInstalled(node, uuid);
  untouched = await imageTraces(node);
});
after(() => node.remove());

const FORMS: ReadonlyArray<readonly [what: string, make: (raw: string) => Promise<string>]> = [
  ['raw', async (raw) => raw],
  ['raw compressed with gzip', (raw) => compressed(raw, 'gzip')],
  ['raw compressed with xz', (raw) => compressed(raw, 'xz')],
  ['raw compressed with zstd', (raw) => compressed(raw, 'zstd')],
  ['raw compressed with bzip2', (raw) => compressed(raw, 'bzip2')],
  ['qcow2', (raw) => qcow2Of(raw)],
  ['qcow2 of version 2', (raw) => qcow2Of(raw, ['-o', 'compat=0.10'])],
  ['qcow2 with compressed clusters', (raw) => qcow2Of(raw, ['-c'])],
  ['qcow2 with clusters compressed by zstd', (raw) => qcow2Of(raw, ['-c', '-o', 'compression_type=zstd'])],
  ['qcow2 with extended entries', (raw) => qcow2Of(raw, ['-o', 'extended_l2=on,cluster_size=128k'])],
  ['qcow2 compressed as a whole with xz', async (raw) => compressed(await qcow2Of(raw), 'xz')],
];

for (const [what, make] of FORMS) {
  test(`a disk that is ${what} is installed byte by byte, with holes where it is zero`, async () => {
    const raw = await rawDisk(24);
    const { uuid } = await installed(await make(raw), { image_size: 24 });
    const disk = await clone(uuid, 24);
    await run(['cmp', '--', raw, disk.path]);
    assert.ok((await stat(disk.path)).blocks * 512 < 2 * 1024 * 1024, 'it takes far less than it has');
    await disk.destroy();
    await deleteInstalled(node, uuid);
    assert.deepEqual(await imageTraces(node), untouched);
  });
}

for (const [what, make] of FORMS.filter(([name]) => ['raw', 'raw compressed with zstd', 'qcow2'].includes(name))) {
  test(`the size and drivers of a disk that is ${what} are filled in when its manifest does not have them`, async () => {
    const { uuid } = await installed(await make(await rawDisk(5)));
    const { manifest } = await getImage(node, uuid, assert.fail);
    const { image_size, nic_driver, disk_driver, cpu_type } = manifest as Record<string, unknown>;
    assert.deepEqual({ image_size, nic_driver, disk_driver, cpu_type }, { image_size: 5, nic_driver: 'virtio', disk_driver: 'virtio', cpu_type: 'host' });
    await deleteInstalled(node, uuid);
  });
}

test('drivers that a manifest names stay as they are', async () => {
  const { uuid } = await installed(await rawDisk(1), { nic_driver: 'e1000', disk_driver: 'ide', cpu_type: 'qemu64' });
  const image = await findImage(node, uuid);
  assert.deepEqual([image?.manifest['nic_driver'], image?.manifest['disk_driver'], image?.manifest['cpu_type']], ['e1000', 'ide', 'qemu64']);
  await deleteInstalled(node, uuid);
});

test('a disk that ends within a MiB is rounded up, and what is added is zero', async () => {
  const raw = join(await diskDirectory(), 'odd.raw');
  await run(['truncate', '--size=1500000', raw]);
  await patched(raw, 1_499_000, noise(1000, 7));
  const { uuid } = await installed(raw);
  const disk = await clone(uuid, 2);
  assert.equal((await findImage(node, uuid))?.manifest.image_size, 2);
  await run(['cmp', '--bytes=1500000', '--', raw, disk.path]);
  await run(['cmp', `--ignore-initial=1500000:0`, `--bytes=${2 * 1024 * 1024 - 1_500_000}`, '--', disk.path, '/dev/zero']);
  await disk.destroy();
  await deleteInstalled(node, uuid);
});

test('the image of a disk has one snapshot, is not mounted, belongs to root and is listed', async () => {
  const { uuid } = await installed(await qcow2Of(await rawDisk(3)));
  const name = dataset(node.pool, uuid);
  assert.deepEqual(await listSnapshots(name), ['final']);
  assert.equal((await getProperties(name, 'mounted'))?.mounted === 'yes', false);
  assert.deepEqual((await listImages(node, assert.fail)).map(({ manifest }) => manifest.uuid), [uuid]);
  const disk = await clone(uuid, 3);
  const { uid, gid } = await stat(disk.path);
  assert.deepEqual([uid, gid], [0, 0]);
  await disk.destroy();
  await deleteInstalled(node, uuid);
});

for (const place of ['disk', 'below its machine'] as const) {
  test(`an image is not deleted while a machine's disk (${place}) stands on it`, async () => {
    const { uuid } = await installed(await rawDisk(1));
    const disk = await clone(uuid, 8, place);
    assert.equal((await stat(disk.path)).size, hasVolumes(node) ? 0 : 8 * 1024 * 1024);
    await assert.rejects(deleteInstalled(node, uuid), { code: 'ImageHasDependentClones', message: new RegExp(`dependent clones: ${disk.dataset}$`) });
    await disk.destroy();
    await deleteInstalled(node, uuid);
    assert.deepEqual(await imageTraces(node), untouched);
  });
}

async function installed(file: string, changes: Readonly<Record<string, unknown>> = {}): Promise<{ readonly uuid: string }> {
  const { uuid, manifest } = await manifestFor(file, `${file}.imgmanifest`, { type: 'zvol', ...changes });
  assert.equal((await installImage(node, { manifestPath: manifest, filePath: file })).outcome, 'installed');
  return { uuid };
}

/** A machine's disk as vmadm makes it. */
async function clone(image: string, size: number, place: 'disk' | 'below its machine' = 'disk') {
  const machine = vmUuid('a3b6e4a2-51f0-4d5c-9d2e-0c5b1f7e8a90');
  const below = place === 'below its machine';
  if (below) await run(['zfs', 'create', dataset(node.pool, machine)]);
  const name = below ? dataset(node.pool, machine, 'disk0') : dataset(node.pool, `${machine}-disk0`);
  await cloneVolume(node, dataset(node.pool, image), 'final', name, { size: size as MiB, refreservation: 0 as MiB, properties: {} });
  return {
    dataset: name,
    path: volumePlace(node, name).path,
    destroy: () => destroyDataset(below ? dataset(node.pool, machine) : name, { recursive: true }),
  };
}
