/** Tasks that need an image that is not there yet: it comes from the node's source. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { nodeTaskHost } from '../../../agent/tasks/node-host.ts';
import { newMemoryStore } from '../../../agent/tasks/record.ts';
import { openTasks, type Tasks } from '../../../agent/tasks/tasks.ts';
import { findImage, type ImageManifest } from '../../../imgadm/index.ts';
import { replaceSources } from '../../../imgadm/sources/config.ts';
import { openEngine } from '../../../vmadm/open-engine.ts';
import { imageProxy, type ImageProxy } from '../../support/image-proxy.ts';
import { imageServer, type ImageServer } from '../../support/image-server.ts';
import { publishedFiles } from '../../support/published-image.ts';
import { scratchNode, type ScratchNode } from '../../support/scratch-node.ts';
import { seedOf } from '../../support/seed-images.ts';
import { doTask, silentLog } from '../../support/task-contract.ts';

let node: ScratchNode;
let server: ImageServer;
let proxy: ImageProxy;
let tasks: Tasks;
let image: ImageManifest;

before(async () => {
  node = await scratchNode();
  server = await imageServer();
  proxy = await imageProxy(server.url);
  const { manifests, archive } = await seedOf('minimal');
  const seed = manifests.find(({ type }) => type === 'lx-dataset');
  image = JSON.parse(await readFile(seed?.path ?? '', 'utf8')) as ImageManifest;
  await publishedFiles(server, { uuid: image.uuid, manifest: seed?.path ?? '', file: archive });
  await replaceSources(node, [{ type: 'imgapi', url: proxy.url }]);
  tasks = await openTasks({ host: nodeTaskHost(node, { openEngine, leave: () => undefined }), store: newMemoryStore(), log: silentLog() });
});

after(async () => {
  await proxy?.close();
  await server?.close();
  await node.remove();
});

function payload(uuid: string): Record<string, unknown> {
  return { uuid, brand: 'lx', kernel_version: '6.1.0', image_uuid: image.uuid, image, quota: 1, max_physical_memory: 64 };
}

test('creates at the same moment import their missing image once, and all of them run', async () => {
  assert.equal(await findImage(node, image.uuid), undefined);
  const uuids = [randomUUID(), randomUUID(), randomUUID()];
  const outcomes = await Promise.all(uuids.map((uuid) => doTask(tasks, 'machine_create', payload(uuid))));
  assert.deepEqual(outcomes.map(({ status, error }) => error?.error ?? status), ['complete', 'complete', 'complete']);
  assert.equal(proxy.files.length, 1, 'its file was fetched once');
  assert.equal((await findImage(node, image.uuid))?.source, proxy.url);
  for (const uuid of uuids) assert.equal((await doTask(tasks, 'machine_destroy', { uuid })).status, 'complete');
});

test('image_ensure_present imports what is missing, does nothing when it is there, and says so when nobody has it', async () => {
  const missing = randomUUID();
  const { status, error } = await doTask(tasks, 'image_ensure_present', { image_uuid: missing });
  assert.equal(status, 'failure');
  assert.equal(error?.details?.restCode, 'ActiveImageNotFound');
  assert.deepEqual((await doTask(tasks, 'image_ensure_present', { image_uuid: image.uuid })).result, {});
});

test('a create whose image nobody has fails without a trace', async () => {
  const uuid = randomUUID();
  const missing = randomUUID();
  const { status, error } = await doTask(tasks, 'machine_create', { ...payload(uuid), image_uuid: missing, image: { ...image, uuid: missing } });
  assert.equal(status, 'failure');
  assert.match(error?.error ?? '', new RegExp(missing));
  assert.equal((await doTask(tasks, 'machine_load', { uuid })).error?.details?.restCode, 'VmNotFound');
});
