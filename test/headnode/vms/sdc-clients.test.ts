/** VMAPI through its own client, sdc-clients, as its users install it. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { listen, type Listener } from '../../../headnode/http/listen.ts';
import { createParams, openHead, OTHER_OWNER, OWNER, type Head } from './open-head.ts';

type Answer = Record<string, unknown>;
type ClientError = Error & { readonly restCode?: string; readonly statusCode?: number; readonly body?: { readonly errors?: ReadonlyArray<{ readonly field: string; readonly code: string }> } };
type Client = Record<string, (...args: unknown[]) => void> & { close(): void };
interface Clients {
  readonly VMAPI: new (options: { readonly url: string; readonly agent: false }) => Client;
}

const { VMAPI } = createRequire(join(import.meta.dirname, '../clients/package.json'))('sdc-clients') as Clients;

let head: Head;
let listener: Listener;
let client: Client;

before(async () => {
  head = await openHead();
  listener = await listen(head.app, { at: { host: '127.0.0.1', port: 0 } });
  client = new VMAPI({ url: `http://127.0.0.1:${listener.address?.port}`, agent: false });
});

after(async () => {
  client.close();
  await listener.close();
  await head.close();
});

function call<Result = Answer>(name: string, ...args: unknown[]): Promise<Result> {
  return new Promise((resolve, reject) => {
    client[name]?.(...args, (error: Error | null, result: Result) => (error ? reject(error) : resolve(result)));
  });
}

/** Call something that begins a job, and wait for it as a workflow client does: by asking for the job. */
async function done(name: string, ...args: unknown[]): Promise<Answer> {
  const { job_uuid: uuid, vm_uuid: vm } = await call(name, ...args);
  assert.match(String(vm), /^[0-9a-f-]{36}$/);
  let job = await call('getJob', uuid);
  await head.until(`job ${String(uuid)} of ${name} ends`, async () => {
    job = await call('getJob', uuid);
    return job['execution'] !== 'queued' && job['execution'] !== 'running';
  });
  assert.equal(job['execution'], 'succeeded', JSON.stringify(job));
  return job;
}

async function made(more: Answer = {}): Promise<string> {
  return String((await done('createVm', { payload: createParams(head, more), context: { caller: 'test' } }))['vm_uuid']);
}

test('ping answers', async () => {
  assert.equal((await call('ping'))['status'], 'OK');
});

test('a VM is created, and its job tells each step', async () => {
  const job = await done('createVm', createParams(head, { alias: 'web0' }));
  assert.equal(job['name'], 'provision');
  assert.ok((job['chain_results'] as Array<{ error: string }>).every(({ error }) => error === ''));
  const vm = await call('getVm', { uuid: job['vm_uuid'], owner_uuid: OWNER });
  assert.deepEqual([vm['state'], vm['alias'], vm['owner_uuid']], ['running', 'web0', OWNER]);
  assert.deepEqual(await call('getVm', { uuid: job['vm_uuid'], fields: 'alias,state' }), { alias: 'web0', state: 'running' });
  assert.equal((await call('getVm', { uuid: job['vm_uuid'], sync: true }))['state'], 'running');
});

test('createVm waits for the job when it is told to', async () => {
  const { vm_uuid: uuid } = await call('createVm', { payload: createParams(head), sync: true });
  assert.equal((await call('getVm', { uuid }))['state'], 'running');
});

test('VMs are listed in pages and counted', async () => {
  for (const alias of ['list-a', 'list-b', 'list-c']) await made({ alias, tags: { listed: 'yes' } });
  const filter = { owner_uuid: OWNER, 'tag.listed': 'yes', state: 'active' };
  assert.equal(await call('countVms', { ...filter }), 3);
  const listed = await call<Answer[]>('listVms', { ...filter, sort: 'alias.asc' });
  assert.deepEqual(listed.map(({ alias }) => alias), ['list-a', 'list-b', 'list-c']);
  const page = await call<Answer[]>('listVms', { ...filter, sort: 'alias.asc', limit: 2, offset: 1 });
  assert.deepEqual(page.map(({ alias }) => alias), ['list-b', 'list-c']);
  assert.equal(await call('countVms', { owner_uuid: OTHER_OWNER }), 0);
});

test('stop, start, reboot and kill', async () => {
  const uuid = await made();
  for (const [name, state] of [['stopVm', 'stopped'], ['startVm', 'running'], ['rebootVm', 'running'], ['killVm', 'stopped']] as const) {
    await done(name, { uuid, owner_uuid: OWNER });
    assert.equal((await call('getVm', { uuid }))['state'], state, name);
  }
  await done('startVm', { uuid, sync: true });
});

test('update, and the nics of a VM', async () => {
  const uuid = await made();
  await done('updateVm', { uuid, payload: { alias: 'updated', cpu_cap: 150 } });
  const vm = await call('getVm', { uuid });
  assert.deepEqual([vm['alias'], vm['cpu_cap']], ['updated', 150]);
  await done('addNics', { uuid, networks: [{ uuid: head.network }] });
  const nics = (await call('getVm', { uuid }))['nics'] as Array<{ mac: string }>;
  assert.equal(nics.length, 2);
  await done('updateNics', { uuid, nics: [{ mac: nics[1]?.mac, allow_ip_spoofing: true }] });
  await done('removeNics', { uuid, macs: [nics[1]?.mac] });
  assert.equal(((await call('getVm', { uuid }))['nics'] as unknown[]).length, 1);
});

for (const type of ['tags', 'customer_metadata', 'internal_metadata']) {
  test(`${type} are added, replaced, read and deleted`, async () => {
    const uuid = await made();
    const all = () => call('listMetadata', type, { uuid });
    await done('addMetadata', type, { uuid, metadata: { a: '1', b: '2' } });
    assert.deepEqual(await all(), { a: '1', b: '2' });
    assert.equal(await call('getMetadata', type, 'a', { uuid, owner_uuid: OWNER }), '1');
    await done('setMetadata', type, { uuid, metadata: { c: '3', d: '4' } });
    assert.deepEqual(await all(), { c: '3', d: '4' });
    await done('deleteMetadata', type, { uuid }, 'c');
    assert.deepEqual(await all(), { d: '4' });
    await assert.rejects(call('deleteMetadata', type, { uuid }, 'c'), { restCode: 'ResourceNotFound' });
    await done('deleteAllMetadata', type, { uuid });
    assert.deepEqual(await all(), {});
  });
}

test('jobs are listed by VM, task and outcome', async () => {
  const uuid = await made();
  await done('stopVm', { uuid });
  const jobs = await call<Answer[]>('listJobs', { vm_uuid: uuid });
  assert.deepEqual(jobs.map(({ name }) => name), ['stop', 'provision']);
  assert.deepEqual((await call<Answer[]>('listJobs', { vm_uuid: uuid, task: 'stop', execution: 'succeeded' })).length, 1);
  assert.deepEqual(await call('listJobs', { vm_uuid: uuid, execution: 'failed' }), []);
});

test('a VM is deleted, and can still be read', async () => {
  const uuid = await made();
  await done('deleteVm', { uuid, owner_uuid: OWNER });
  assert.equal((await call('getVm', { uuid }))['state'], 'destroyed');
});

test('mistakes come with a code, a message and the fields at fault', async () => {
  const uuid = await made({ alias: 'taken' });
  const error = (promise: Promise<unknown>) => promise.then(() => assert.fail('it succeeded'), (thrown: unknown) => thrown as ClientError);
  const invalid = await error(call('createVm', createParams(head, { brand: 'xen', owner_uuid: 'nobody' })));
  assert.equal(invalid.statusCode, 409);
  assert.equal(invalid.restCode, 'ValidationFailed');
  assert.deepEqual(invalid.body?.errors?.map(({ field, code }) => [field, code]), [['owner_uuid', 'Invalid'], ['brand', 'Invalid']]);
  const duplicate = await error(call('createVm', createParams(head, { alias: 'taken' })));
  assert.deepEqual(duplicate.body?.errors?.map(({ field, code }) => [field, code]), [['alias', 'Duplicate']]);
  const foreign = await error(call('stopVm', { uuid, owner_uuid: OTHER_OWNER }));
  assert.deepEqual([foreign.statusCode, foreign.restCode], [404, 'ResourceNotFound']);
  const unsupported = await error(call('snapshotVm', { uuid, name: 'one' }));
  assert.deepEqual([unsupported.statusCode, unsupported.restCode], [409, 'ActionNotSupported']);
});
