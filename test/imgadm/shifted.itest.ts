import assert from 'node:assert/strict';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { dataset } from '../../host/config/units.ts';
import { cloneDataset, datasetExists, getProperties, listChildren } from '../../host/zfs/zfs.ts';
import { ensureOriginFor, findImage, type InstalledImage } from '../../imgadm/index.ts';
import { installImage } from '../../imgadm/store/install.ts';
import { whileMounted } from '../../imgadm/store/mount.ts';
import { imageFiles, tarOf } from '../support/archives.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';

const FIRST = 268435456 + 5 * 65536;
const ignore = (): void => undefined;

let node: ScratchNode;
let image: InstalledImage;

before(async () => {
  node = await scratchNode();
  const { uuid, manifest, file } = await imageFiles(
    await tarOf([
      { name: 'su', content: 'x', mode: 0o4755 },
      { name: 'sudo', type: 'link', linkname: 'su' },
      { name: 'wall', content: 'x', uid: 1000, gid: 5, mode: 0o2755 },
      { name: 'out', type: 'symlink', linkname: '/etc/passwd' },
      { name: 'home/', type: 'directory', uid: 65535, gid: 65535 },
    ]),
  );
  await installImage(node, { manifestPath: manifest, filePath: file });
  const found = await findImage(node, uuid);
  assert.ok(found);
  image = found;
});
after(() => node.remove());

test('every owner is shifted once, setuid and setgid stay, links are not followed', async () => {
  const passwd = await lstat('/etc/passwd');
  const { dataset: name } = await ensureOriginFor(node, image, FIRST, ignore);
  await whileMounted(node, name, async (directory) => {
    const at = async (path: string): Promise<readonly number[]> => {
      const { uid, gid, mode } = await lstat(join(directory, 'root', path));
      return [uid - FIRST, gid - FIRST, mode & 0o7777];
    };
    assert.deepEqual(await at('.'), [0, 0, 0o755]);
    assert.deepEqual(await at('su'), [0, 0, 0o4755]);
    assert.deepEqual(await at('sudo'), [0, 0, 0o4755]);
    assert.deepEqual(await at('wall'), [1000, 5, 0o2755]);
    assert.deepEqual((await at('home')).slice(0, 2), [65535, 65535]);
    assert.deepEqual((await at('out')).slice(0, 2), [0, 0]);
  });
  assert.deepEqual([(await lstat('/etc/passwd')).uid, (await lstat('/etc/passwd')).gid], [passwd.uid, passwd.gid]);
});

test('the clone is not mounted, is kept by nobody but root, and is found again', async () => {
  const origin = await ensureOriginFor(node, image, FIRST, ignore);
  assert.deepEqual(await getProperties(origin.dataset, 'mounted', 'canmount'), { mounted: 'no', canmount: 'noauto' });
  assert.equal((await lstat(join(node.mountpoint, 'shifted'))).mode & 0o777, 0o700);
  const created = await getProperties(origin.dataset, 'creation');
  assert.deepEqual(await ensureOriginFor(node, image, FIRST, ignore), origin);
  assert.deepEqual(await getProperties(origin.dataset, 'creation'), created);
});

test('what a crash left half-made is made anew', async () => {
  const first = FIRST + 65536;
  const partial = dataset(node.pool, 'shifted', `${image.manifest.uuid}-${first}-partial`);
  await cloneDataset(image.dataset, 'final', partial, { canmount: 'noauto' });
  const origin = await ensureOriginFor(node, image, first, ignore);
  assert.equal(await datasetExists(partial), false);
  await whileMounted(node, origin.dataset, async (directory) => assert.equal((await lstat(join(directory, 'root/su'))).uid, first));
});

test('many that want the same clone at once share one', async () => {
  const first = FIRST + 2 * 65536;
  const origins = await Promise.all(Array.from({ length: 5 }, () => ensureOriginFor(node, image, first, ignore)));
  assert.equal(new Set(origins.map((origin) => origin.dataset)).size, 1);
  const names = (await listChildren(dataset(node.pool, 'shifted'), 'name')).map(({ name }) => name);
  assert.equal(names.filter((name) => name.includes(String(first))).length, 1);
});

test('where mounts can map ids it is the image itself', async () => {
  assert.deepEqual(await ensureOriginFor({ ...node, idmappedMounts: true }, image, FIRST, ignore), { dataset: image.dataset, snapshot: 'final' });
});

test('an image whose dataset is gone is told', async () => {
  const gone = { ...image, dataset: dataset(node.pool, 'gone') };
  await assert.rejects(ensureOriginFor(node, gone, FIRST + 3 * 65536, ignore), { code: 'ImageUnusable', message: /there is no .*gone@final/ });
});
