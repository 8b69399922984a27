/** Updates of zones that are killed half-way, and what they write down meanwhile. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { cli } from '../support/cli.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';
import { minimalImage } from '../support/seed-images.ts';
import { pointsOf, updatingOn } from '../support/updating.ts';

let node: ScratchNode;
let image: string;
const { update, updated, get, remove, filesOf, quotaOf, limitsOf } = updatingOn(() => node);

before(async () => {
  node = await scratchNode();
  image = (await minimalImage(node)).lx;
});

after(() => node.remove());

const GIB = 1024 ** 3;

async function create(): Promise<string> {
  const uuid = randomUUID();
  const payload = { uuid, brand: 'lx', kernel_version: '6.1.0', image_uuid: image, max_physical_memory: 64, quota: 1 };
  const { status, stderr } = await cli(node, 'vmadm', ['create'], { input: JSON.stringify(payload) });
  assert.equal(status, 0, stderr);
  return uuid;
}

test('metadata is in the record and in no journal, plan or audit trail', async () => {
  const uuid = await create();
  const secret = `secret-${randomUUID()}`;
  const payload = JSON.stringify({ set_customer_metadata: { key: secret }, quota: 3 });
  const plan = await cli(node, 'vmadm', ['plan', 'update', uuid], { input: payload });
  assert.match(plan.stdout, /quota=3G/);
  assert.equal((await get(uuid))['quota'], 1);
  const { signal } = await cli(node, 'vmadm', ['update', uuid], { input: payload, environment: { ZONEWRIGHT_CRASH_AT: 'after:1' } });
  assert.equal(signal, 'SIGKILL');
  const journals = await Promise.all((await readdir(node.paths.journal)).filter((name) => name.endsWith('.jsonl')).map((name) => readFile(join(node.paths.journal, name), 'utf8')));
  assert.equal(journals.length, 1);
  assert.deepEqual((await updated(uuid, { set_customer_metadata: { key: secret } }))['customer_metadata'], { key: secret });
  for (const text of [plan.stdout, ...journals, await readFile(node.paths.audit, 'utf8')]) assert.ok(!text.includes(secret));
  await remove(uuid);
});

test('an update of quota and memory that is killed anywhere before its commit has changed nothing once the next command ran', async () => {
  const uuid = await create();
  const [vm, limits] = [await get(uuid), await limitsOf(uuid)];
  for (const point of pointsOf(3)) {
    const { signal, stderr } = await update(uuid, { quota: 5, ram: 512, cpu_cap: 70, set_tags: { a: 1 } }, { ZONEWRIGHT_CRASH_AT: point });
    assert.equal(signal, 'SIGKILL', `${point}: ${stderr}`);
    await cli(node, 'vmadm', ['delete', randomUUID()]);
    assert.deepEqual(await get(uuid), vm, point);
    assert.deepEqual(await limitsOf(uuid), limits, point);
    assert.equal(await quotaOf(uuid), GIB, point);
    assert.deepEqual(await filesOf(uuid), [`${uuid}.json`], point);
  }
  await remove(uuid);
});

test('an update that is killed after its commit has happened, and leaves nothing of how it was made', async () => {
  const uuid = await create();
  await update(uuid, { quota: 5, ram: 512 }, { ZONEWRIGHT_CRASH_AT: 'after:commit' });
  await cli(node, 'vmadm', ['delete', randomUUID()]);
  const vm = await get(uuid);
  assert.deepEqual([vm['quota'], vm['max_physical_memory']], [5, 512]);
  assert.deepEqual(await filesOf(uuid), [`${uuid}.json`]);
  await remove(uuid);
});

test('an update whose undoing is killed too is undone by the command after that', async () => {
  const uuid = await create();
  const vm = await get(uuid);
  await update(uuid, { quota: 5, ram: 512 }, { ZONEWRIGHT_CRASH_AT: 'after:3' });
  for (const step of [3, 2, 1]) {
    const { signal } = await cli(node, 'vmadm', ['delete', randomUUID()], { environment: { ZONEWRIGHT_CRASH_AT: `undone:${step}` } });
    assert.equal(signal, 'SIGKILL');
  }
  await cli(node, 'vmadm', ['delete', randomUUID()]);
  assert.deepEqual(await get(uuid), vm);
  assert.equal(await quotaOf(uuid), GIB);
  await remove(uuid);
});
