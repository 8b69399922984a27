import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { findSeed } from '../../images/seed/build.ts';
import { findImage } from '../../imgadm/index.ts';
import { cli } from '../support/cli.ts';
import { imageServer, type ImageServer } from '../support/image-server.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';

let one: ScratchNode;
let other: ScratchNode;
let server: ImageServer;

before(async () => {
  [one, other] = [await scratchNode(), await scratchNode()];
  server = await imageServer();
});
after(async () => {
  await server.close();
  await other.remove();
  await one.remove();
});

test('an image that one node publishes is imported by another, and a zone is made of it', async () => {
  const seed = await findSeed('minimal');
  const manifest = seed?.manifests.find(({ type }) => type === 'lx-dataset');
  assert.ok(seed && manifest, 'the seed image "minimal" is not in the cache: run images/seed/build.ts minimal outside the sandbox first');
  const { uuid } = manifest;

  const published = await cli(one, 'imgadm', ['publish', '-m', manifest.path, '-f', seed.archive, server.url]);
  assert.deepEqual([published.stderr, published.status], ['', 0]);
  assert.equal((await cli(other, 'imgadm', ['sources', '-a', server.url])).status, 0);
  const listed = await cli(other, 'imgadm', ['avail', '-H', '-o', 'uuid,type', `uuid=${uuid}`]);
  assert.equal(listed.stdout, `${uuid}  lx-dataset\n`);
  const imported = await cli(other, 'imgadm', ['import', '-S', server.url, uuid]);
  assert.deepEqual([imported.stderr, imported.status], ['', 0]);
  assert.equal((await findImage(other, uuid))?.source, server.url);
  assert.equal(await findImage(one, uuid), undefined);

  const vm = randomUUID();
  const payload = { uuid: vm, brand: 'lx', kernel_version: '6.1', image_uuid: uuid, max_physical_memory: 64, alias: 'imported' };
  const created = await cli(other, 'vmadm', ['create'], { input: JSON.stringify(payload) });
  assert.deepEqual([created.status, /Successfully created/.test(created.stderr)], [0, true], created.stderr);
  assert.equal((await cli(other, 'vmadm', ['list', '-H', '-o', 'uuid,state'])).stdout.trim().split(/\s+/).join(' '), `${vm} running`);
  assert.match((await cli(other, 'imgadm', ['vacuum', '-n'])).stdout, /^$/);
  assert.equal((await cli(other, 'vmadm', ['delete', vm])).status, 0);
});
