import assert from 'node:assert/strict';
import { lstat, readdir } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { dataset } from '../../host/config/units.ts';
import { run } from '../../host/run/run.ts';
import { listSnapshots, getProperties } from '../../host/zfs/zfs.ts';
import { ensureOriginFor, findImage } from '../../imgadm/index.ts';
import { whileMounted } from '../../imgadm/store/mount.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';
import { minimalImage, type MinimalImages } from '../support/seed-images.ts';

let node: ScratchNode;
let images: MinimalImages;

before(async () => {
  node = await scratchNode();
  images = await minimalImage(node);
});
after(() => node.remove());

test('an installed image has one snapshot, is not mounted and can be found', async () => {
  const image = await findImage(node, images.lx);
  assert.equal(image?.manifest.type, 'lx-dataset');
  assert.equal(image?.dataset, dataset(node.pool, images.lx));
  assert.deepEqual(await listSnapshots(image.dataset), ['final']);
  const properties = await getProperties(image.dataset, 'mounted', 'canmount', 'zonewright:image');
  assert.deepEqual(properties, { mounted: 'no', canmount: 'noauto', 'zonewright:image': 'true' });
});

test('the same archive is installed as an image of another type', async () => {
  assert.equal((await findImage(node, images.zone))?.manifest.type, 'zone-dataset');
});

test('an image keeps owners from 0 and modes', async () => {
  await whileMounted(node, dataset(node.pool, images.lx), async (directory) => {
    const shadow = await lstat(`${directory}/root/etc/shadow`);
    assert.deepEqual([shadow.uid, shadow.gid, shadow.mode & 0o7777], [0, 0, 0o640]);
    assert.equal((await lstat(`${directory}/root/tmp`)).mode & 0o7777, 0o1777);
    assert.equal((await lstat(`${directory}/root/bin/sh`)).isSymbolicLink(), true);
  });
});

test('an origin for a range of ids is made once and has every file shifted', async () => {
  const image = await findImage(node, images.lx);
  assert.ok(image);
  const first = 268435456 + 65536;
  const [origin, same] = await Promise.all([ensureOriginFor(node, image, first, () => undefined), ensureOriginFor(node, image, first, () => undefined)]);
  assert.deepEqual(origin, same);
  assert.equal(origin.dataset, `${node.pool}/shifted/${images.lx}-${first}`);
  await whileMounted(node, origin.dataset, async (directory) => {
    const { stdout } = await run(['find', `${directory}/root`, '!', '-uid', String(first)]);
    assert.equal(stdout, '');
  });
  assert.deepEqual((await readdir(node.mountpoint)).sort(), ['config', 'shifted']);
});
