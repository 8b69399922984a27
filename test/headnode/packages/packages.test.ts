import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import bunyan from 'bunyan';
import type { Database } from '../../../headnode/db/database.ts';
import { openDatabase } from '../../../headnode/db/open-database.ts';
import { newApp, type App } from '../../../headnode/http/app.ts';
import { listen, type Listener } from '../../../headnode/http/listen.ts';
import { openPackages } from '../../../headnode/packages/packages.ts';
import { packageRoutes } from '../../../headnode/packages/routes.ts';

const { PAPI } = createRequire(new URL('../clients/package.json', import.meta.url))('sdc-clients');

interface Failed {
  readonly restCode: string;
  readonly statusCode: number;
  readonly body: { readonly message: string };
}

let db: Database;
let app: App;
let listener: Listener;
let papi: { close(): void };
let call: Record<'add' | 'get' | 'list' | 'update' | 'del', (...args: unknown[]) => Promise<never>>;

before(async () => {
  db = await openDatabase({ kind: 'pglite' });
  const log = bunyan.createLogger({ name: 'test', level: bunyan.FATAL + 1 });
  app = newApp({ log });
  packageRoutes(app, openPackages({ db }));
  listener = await listen(app, { at: { host: '127.0.0.1', port: 0 } });
  const client = new PAPI({ url: `http://127.0.0.1:${listener.address?.port}`, log, agent: false });
  papi = client;
  const bound = (name: string): ((...args: unknown[]) => Promise<never>) => promisify(client[name].bind(client));
  call = { add: bound('add'), get: bound('get'), list: bound('list'), update: bound('update'), del: bound('del') };
});

after(async () => {
  papi.close();
  await listener.close();
  await app.close();
  await db.close();
});

const SMALL = { max_physical_memory: 512, quota: 10_240 };

test('sdc-clients makes a package, and gets and lists it', async () => {
  const made: Record<string, unknown> = await call.add({ name: 'g1', version: '1.2.3', active: true, group: 'general', ...SMALL, vcpus: 1, cpu_cap: 100, max_swap: 1024, max_lwps: 4000, zfs_io_priority: 50 });
  assert.deepEqual(await call.get(made['uuid'], {}), made);
  assert.deepEqual([made['name'], made['version'], made['quota'], made['cpu_cap'], made['max_swap']], ['g1', '1.2.3', 10_240, 100, 1024]);
  const listed: ReadonlyArray<Record<string, unknown>> = await call.list({ name: 'g1', group: 'general' }, {});
  assert.deepEqual(listed, [made]);
  assert.deepEqual(await call.list({ name: 'g1', group: 'other' }, {}), []);
});

test('what is left out of a package is filled in', async () => {
  const made: Record<string, unknown> = await call.add({ name: 'defaults', ...SMALL });
  assert.deepEqual([made['version'], made['active'], made['max_swap'], made['max_lwps'], made['zfs_io_priority']], ['1.0.0', true, 512, 4000, 100]);
});

const BAD_PACKAGES: ReadonlyArray<readonly [name: string, fields: object, field: string]> = [
  ['without memory', { name: 'bad', quota: 1024 }, 'max_physical_memory'],
  ['without a quota', { name: 'bad', max_physical_memory: 512 }, 'quota'],
  ['with half a GiB of quota', { name: 'bad', ...SMALL, quota: 512 }, 'quota'],
  ['with a quota that is no whole GiB', { name: 'bad', ...SMALL, quota: 1500 }, 'quota'],
  ['with less swap than memory', { name: 'bad', ...SMALL, max_swap: 256 }, 'max_swap'],
  ['with a negative cap', { name: 'bad', ...SMALL, cpu_cap: -1 }, 'cpu_cap'],
  ['with words for memory', { name: 'bad', ...SMALL, max_physical_memory: 'much' }, 'max_physical_memory'],
  ['with a part of a MiB', { name: 'bad', ...SMALL, max_physical_memory: 100.5 }, 'max_physical_memory'],
  ['whose name has a space', { name: 'b d', ...SMALL }, 'name'],
  ['whose version is none', { name: 'bad', version: 'newest', ...SMALL }, 'version'],
  ['for a brand that does not exist', { name: 'bad', ...SMALL, brand: 'xen' }, 'brand'],
  ['whose owner is no uuid', { name: 'bad', ...SMALL, owner_uuids: ['alice'] }, 'owner_uuids'],
  ['with a field that nobody knows', { name: 'bad', ...SMALL, colour: 'red' }, 'colour'],
];

for (const [name, fields, field] of BAD_PACKAGES) {
  test(`a package ${name} is refused by the field's name`, async () => {
    await assert.rejects(call.add(fields), ({ restCode, statusCode, body }: Failed) => restCode === 'InvalidArgument' && statusCode === 409 && body.message.includes(field));
    assert.deepEqual(await call.list({ name: 'bad' }, {}), []);
  });
}

test('a package is retired, but its sizes stay as they are', async () => {
  const made: Record<string, unknown> = await call.add({ name: 'fixed', ...SMALL });
  const retired: Record<string, unknown> = await call.update(made['uuid'], { ...made, active: 'false', description: 'old' });
  assert.deepEqual([retired['active'], retired['description'], retired['quota']], [false, 'old', SMALL.quota]);
  await assert.rejects(call.update(made['uuid'], { quota: 20_480 }), ({ restCode, body }: Failed) => restCode === 'InvalidArgument' && body.message.includes('quota'));
  await assert.rejects(call.update(randomUUID(), { active: false }), ({ restCode }: Failed) => restCode === 'ResourceNotFound');
});

test('of a name the highest version that is active is the package of that name', async () => {
  const packages = openPackages({ db });
  for (const [version, active] of [['1.9.0', true], ['1.10.0', true], ['2.0.0', false]] as const) await packages.create({ name: 'versions', version, active, ...SMALL });
  assert.equal((await packages.get('versions'))?.version, '1.10.0');
  await assert.rejects(packages.create({ name: 'versions', version: '1.9.0', ...SMALL }), { code: 'InUse' });
});

test('a package of one account is not listed for another', async () => {
  const packages = openPackages({ db });
  const [mine, other] = [randomUUID(), randomUUID()];
  await packages.create({ name: 'private', owner_uuids: [mine], ...SMALL });
  const names = async (ownerUuid: string): Promise<string[]> => (await packages.list({ ownerUuid })).packages.map(({ name }) => name);
  assert.ok((await names(mine)).includes('private'));
  assert.ok(!(await names(other)).includes('private'));
});

test('a package is deleted only when asked with force', async () => {
  const made: Record<string, unknown> = await call.add({ name: 'doomed', ...SMALL });
  await assert.rejects(call.del(made['uuid'], {}), ({ restCode, body }: Failed) => restCode === 'NotAuthorized' && body.message.includes('force'));
  await call.del(made['uuid'], { force: true });
  await assert.rejects(call.get(made['uuid'], {}), ({ restCode }: Failed) => restCode === 'ResourceNotFound');
});

test('a page past the end is empty and still says how many there are', async () => {
  const packages = openPackages({ db });
  const all = await packages.list();
  const past = await packages.list({ offset: all.total + 5, limit: 10 });
  assert.deepEqual([past.packages, past.total], [[], all.total]);
  const { statusCode } = await app.inject({ url: '/packages?limit=0' });
  assert.equal(statusCode, 409);
});
