import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathsOf, type Node, type NodeConfig } from '../../../host/config/node-config.ts';
import { takeLock } from '../../../host/lock/lock.ts';
import type { MetadataStore } from '../../../vmadm/metadata/conversation.ts';
import { instanceStore } from '../../../vmadm/metadata/instance-store.ts';
import { newRecordReader } from '../../../vmadm/metadata/record-reader.ts';
import type { VmRecord } from '../../../vmadm/payload/index.ts';
import { readRecord, removeRecord, writeRecord } from '../../../vmadm/store/records.ts';

const UUID = '8f6e9e4c-1111-4222-8333-444444444444';

let directory: string;
let node: Node;
let store: MetadataStore;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'metadata-'));
  const config = {
    version: 1,
    serverUuid: '9f6e9e4c-1111-4222-8333-444444444444',
    pool: 'none',
    mountpoint: directory,
    runDirectory: directory,
    cgroup: 'none',
    zfs: { implementation: 'openzfs', version: '0' },
    uidRanges: { first: 65536, count: 1 },
    idmappedMounts: false,
  } satisfies NodeConfig;
  node = { ...config, paths: pathsOf(config) };
  await mkdir(node.paths.instances, { recursive: true });
  store = instanceStore(node, UUID, newRecordReader(node));
});

after(() => rm(directory, { recursive: true }));

/** As much of a record as metadata is about. */
async function recordWith(customer_metadata: Record<string, string>): Promise<void> {
  const record = { uuid: UUID, brand: 'lx', alias: 'web', customer_metadata, internal_metadata: {}, tags: {}, nics: [], resolvers: [], routes: {}, last_modified: '2000-01-01T00:00:00.000Z' };
  await writeRecord(node, record as unknown as VmRecord);
}

test('a write changes the record on disk, and the next read sees it', async () => {
  await recordWith({ color: 'blue' });
  assert.deepEqual(await store.read('color'), { status: 'success', value: 'blue' });
  assert.deepEqual(await store.write('color', 'red'), { status: 'success' });
  assert.deepEqual(await store.read('color'), { status: 'success', value: 'red' });
  const record = await readRecord(node, UUID);
  assert.deepEqual(record?.customer_metadata, { color: 'red' });
  assert.ok((record?.last_modified ?? '') > '2000-01-01T00:00:00.000Z');
});

test('writes at the same time are all kept, and what is refused keeps none of the others out', async () => {
  await recordWith({});
  const written = await Promise.all([...Array.from({ length: 50 }, (_, index) => store.write(`k${index}`, String(index))), store.write('sdc:alias', 'x')]);
  assert.deepEqual(written.map(({ status }) => status), [...Array.from({ length: 50 }, () => 'success'), 'failure']);
  assert.deepEqual((await readRecord(node, UUID))?.customer_metadata, Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`k${index}`, String(index)])));
});

test('a write waits for the operation that holds the instance, and keeps what that changed', async () => {
  await recordWith({ color: 'blue' });
  const lock = await takeLock({ scope: node.paths.config, name: `instance:${UUID}`, action: 'test' });
  const writing = store.write('color', 'red');
  const held = (await readRecord(node, UUID)) as VmRecord;
  await writeRecord(node, { ...held, alias: 'renamed' });
  assert.deepEqual(held.customer_metadata, { color: 'blue' });
  await lock.release();
  assert.deepEqual(await writing, { status: 'success' });
  const { alias, customer_metadata } = (await readRecord(node, UUID)) as VmRecord;
  assert.deepEqual({ alias, customer_metadata }, { alias: 'renamed', customer_metadata: { color: 'red' } });
});

test('what an operator changes meanwhile is read at once', async () => {
  await recordWith({ color: 'blue' });
  await store.read('color');
  await recordWith({ color: 'green' });
  assert.deepEqual(await store.read('color'), { status: 'success', value: 'green' });
});

test('a guest that is deleted while it runs cannot bring its record back', async () => {
  await recordWith({ color: 'blue' });
  await removeRecord(node, UUID);
  const gone = { status: 'failure', text: 'This instance does not exist any more.' };
  assert.deepEqual(await store.write('color', 'red'), gone);
  assert.deepEqual(await store.write('color', null), gone);
  assert.deepEqual(await store.read('color'), gone);
  assert.deepEqual(await readdir(node.paths.instances), []);
});

test('a write that changes nothing leaves the record as it is', async () => {
  await recordWith({ color: 'blue' });
  await store.write('color', 'blue');
  await store.write('absent', null);
  assert.equal((await readRecord(node, UUID))?.last_modified, '2000-01-01T00:00:00.000Z');
});

test('keys that name what every object has are keys like others', async () => {
  await recordWith({});
  for (const key of ['__proto__', 'constructor', 'toString']) assert.deepEqual(await store.write(key, 'x'), { status: 'success' });
  assert.deepEqual(await store.list(), ['__proto__', 'constructor', 'toString']);
  assert.deepEqual(await store.read('__proto__'), { status: 'success', value: 'x' });
  await store.write('__proto__', null);
  assert.deepEqual(await store.list(), ['constructor', 'toString']);
});
