/** `smartdc` 9 of npm: the older client, which signs the date alone, asks for `~7.2` and sends actions in the query (control-plane §7.4). */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify, types } from 'node:util';
import { IMAGE, newKey, serve, type Serving } from './serving.ts';

const fromClients = createRequire(new URL('../clients/package.json', import.meta.url));
// It was written for a Node that had these; its own code stays as npm has it.
const util: Record<string, unknown> = fromClients('node:util');
for (const [name, test] of Object.entries({ isDate: types.isDate, isRegExp: types.isRegExp, isArray: Array.isArray })) util[name] ??= test;
const smartdc = fromClients('smartdc');

const PATIENCE_MILLISECONDS = 180_000;

type Machine = Readonly<Record<string, unknown>> & { readonly id: string; readonly state: string };
type Client = Readonly<Record<string, unknown>>;

let serving: Serving;
let client: Client;

before(async () => {
  serving = await serve();
  client = newClient('alice');
});

after(async () => await serving.close());

/** Both accounts have this key. */
function newClient(account: string): Client {
  const { privateText, fingerprint } = serving.keys.rsa;
  return smartdc.createClient({
    url: serving.url,
    account,
    sign: smartdc.privateKeySigner({ key: privateText, keyId: fingerprint, user: account }),
    noCache: true,
    agent: false,
    log: fromClients('bunyan').createLogger({ name: 'smartdc', level: 'fatal' }),
  });
}

type Method = (this: Client, ...args: readonly unknown[]) => void;

async function call<Result>(name: string, ...args: readonly unknown[]): Promise<Result> {
  return await new Promise((resolve, reject) => (client[name] as Method).call(client, ...args, (error: Error | null, result: Result) => (error ? reject(error) : resolve(result))));
}

async function until(id: string, state: string): Promise<Machine> {
  const deadline = Date.now() + PATIENCE_MILLISECONDS;
  for (;;) {
    const machine = await call<Machine>('getMachine', id, true);
    if (machine.state === state) return machine;
    assert.ok(Date.now() < deadline, `${id} is ${machine.state}, not ${state}`);
    await sleep(50);
  }
}

async function create(name: string): Promise<Machine> {
  const { id } = await call<Machine>('createMachine', { name, image: IMAGE, package: 'small', 'metadata.k': 'v', 'tag.role': 'db' });
  return await until(id, 'running');
}

test('it gets its account, and updates it', async () => {
  assert.equal((await call<{ login: string }>('getAccount')).login, 'alice');
  assert.equal((await call<{ companyName: string }>('updateAccount', { companyName: 'Alice & Co' })).companyName, 'Alice & Co');
});

test('it lists packages, images, networks, data centres and keys, and makes and deletes a key', async () => {
  assert.deepEqual((await call<Array<{ name: string }>>('listPackages')).map(({ name }) => name).sort(), ['large', 'small']);
  assert.ok((await call<Array<{ id: string }>>('listImages')).some(({ id }) => id === IMAGE));
  assert.deepEqual((await call<Array<{ name: string }>>('listNetworks')).map(({ name }) => name), ['external']);
  assert.deepEqual(await call('listDatacenters'), { here: 'https://cloudapi.example.com' });
  await call('createKey', { name: 'more', key: newKey('ecdsa').publicText });
  assert.ok((await call<Array<{ name: string }>>('listKeys')).some(({ name }) => name === 'more'));
  await call('deleteKey', 'more');
  assert.ok(!(await call<Array<{ name: string }>>('listKeys')).some(({ name }) => name === 'more'));
});

test('it creates, stops, starts, reboots, renames and deletes a machine with actions in the query', async () => {
  const { id } = await create('smart');
  await call('stopMachine', id);
  await until(id, 'stopped');
  await call('startMachine', id);
  await until(id, 'running');
  await call('rebootMachine', id);
  await call('renameMachine', id, { name: 'smarter' });
  const deadline = Date.now() + PATIENCE_MILLISECONDS;
  while ((await call<{ name: string }>('getMachine', id, true)).name !== 'smarter') assert.ok(Date.now() < deadline && (await sleep(50, true)));
  await call('deleteMachine', id);
  await assert.rejects(async () => {
    for (; Date.now() < deadline; await sleep(50)) await call('getMachine', id, true);
  }, ({ statusCode }: { statusCode: number }) => statusCode === 410);
  const audit = await call<Array<{ action: string; success: string }>>('getMachineAudit', id);
  assert.deepEqual(audit.map(({ action, success }) => `${action} ${success}`).sort(), ['destroy yes', 'provision yes', 'reboot yes', 'rename yes', 'start yes', 'stop yes']);
});

test('it reads and changes tags and metadata', async () => {
  const { id } = await create('mapped');
  assert.deepEqual(await call('listMachineTags', id), { role: 'db' });
  await call('addMachineTags', id, { a: 'b' });
  const metadata = await call<Record<string, string>>('getMachineMetadata', id);
  assert.equal(metadata['k'], 'v');
  await call('updateMachineMetadata', id, { k2: 'v2' });
  const deadline = Date.now() + PATIENCE_MILLISECONDS;
  while ((await call<Record<string, string>>('getMachineMetadata', id))['k2'] !== 'v2') assert.ok(Date.now() < deadline && (await sleep(50, true)));
});

test('it counts machines, and pages through them until it is told that there are no more', async () => {
  const { uuid } = serving.bob;
  for (let index = 0; index < 1003; index++) await serving.put({ owner_uuid: uuid, alias: `m${index}` });
  await serving.accounts.addKey(uuid, { name: 'shared', key: serving.keys.rsa.publicText });
  const bobs = newClient('bob') as unknown as BobsClient;
  assert.equal(await promisify(bobs.countMachines.bind(bobs))(), 1003);
  const page = async (offset: number): Promise<Page> => await new Promise((resolve, reject) => bobs.listMachines({ offset }, (error, machines, isLast) => (error ? reject(error) : resolve({ machines, isLast }))));
  const [first, second] = [await page(0), await page(1000)];
  assert.deepEqual([first.machines.length, first.isLast, second.machines.length, second.isLast], [1000, false, 3, true]);
  assert.equal(new Set([...first.machines, ...second.machines].map(({ id }) => id)).size, 1003);
});

interface Page {
  readonly machines: readonly Machine[];
  readonly isLast: boolean;
}

interface BobsClient {
  countMachines(done: (error: Error | null, count: number) => void): void;
  listMachines(options: object, done: (error: Error | null, machines: readonly Machine[], isLast: boolean) => void): void;
}
