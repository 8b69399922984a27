import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import bunyan from 'bunyan';
import { openAccounts } from '../../../headnode/accounts/accounts.ts';
import { accountRoutes } from '../../../headnode/accounts/routes.ts';
import type { Database } from '../../../headnode/db/database.ts';
import { openDatabase } from '../../../headnode/db/open-database.ts';
import { newApp, type App } from '../../../headnode/http/app.ts';
import { newKey } from '../cloudapi/serving.ts';

let db: Database;
let app: App;

before(async () => {
  db = await openDatabase({ kind: 'pglite' });
  app = newApp({ log: bunyan.createLogger({ name: 'test', level: bunyan.FATAL + 1 }) });
  accountRoutes(app, openAccounts({ db }));
});

after(async () => {
  await app.close();
  await db.close();
});

async function ask(method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, payload?: object) {
  const response = await app.inject({ method, url, ...(payload && { payload }) });
  return { status: response.statusCode, body: response.body === '' ? undefined : response.json() };
}

test('an account is there by its uuid and by its login in any case, and keeps what it was made with', async () => {
  const made = await ask('POST', '/accounts', { login: 'Carol', email: 'carol@example.com', companyName: 'Carol & Sons' });
  assert.equal(made.status, 201);
  for (const name of [made.body.uuid, 'Carol', 'carol']) {
    const { body } = await ask('GET', `/accounts/${name}`);
    assert.deepEqual([body.uuid, body.login, body.email, body.companyName], [made.body.uuid, 'Carol', 'carol@example.com', 'Carol & Sons']);
  }
  assert.ok((await ask('GET', '/accounts')).body.some(({ login }: { login: string }) => login === 'Carol'));
});

test('a login that somebody has, in whatever case, is not given to another', async () => {
  await ask('POST', '/accounts', { login: 'dave', email: 'dave@example.com' });
  const second = await ask('POST', '/accounts', { login: 'DAVE', email: 'other@example.com' });
  assert.deepEqual([second.status, second.body.code], [409, 'InUse']);
});

const BAD_ACCOUNTS: ReadonlyArray<readonly [name: string, account: object, field: string]> = [
  ['without a login', { email: 'x@example.com' }, 'login'],
  ['called my, which means oneself in paths', { login: 'my', email: 'x@example.com' }, 'login'],
  ['whose login is a path', { login: 'a/../b', email: 'x@example.com' }, 'login'],
  ['whose login is a uuid', { login: randomUUID(), email: 'x@example.com' }, 'login'],
  ['without an address', { login: 'erin' }, 'email'],
  ['whose address is none', { login: 'erin', email: 'nobody' }, 'email'],
  ['with a line break in a name', { login: 'erin', email: 'x@example.com', firstName: 'a\nb' }, 'firstName'],
  ['with a number for a name', { login: 'erin', email: 'x@example.com', lastName: 5 }, 'lastName'],
];

for (const [name, account, field] of BAD_ACCOUNTS) {
  test(`an account ${name} is refused, and the answer says which field`, async () => {
    const { status, body } = await ask('POST', '/accounts', account);
    assert.deepEqual([status, body.code], [409, 'InvalidArgument']);
    assert.ok(body.errors.some((error: { field: string }) => error.field === field), JSON.stringify(body));
  });
}

test('what is unknown of an account is refused when it is made', async () => {
  const { status, body } = await ask('POST', '/accounts', { login: 'erin', email: 'x@example.com', admin: true });
  assert.equal(status, 409);
  assert.match(body.message, /admin/);
});

test('a change leaves the rest, and neither login nor uuid can be changed', async () => {
  const { body: made } = await ask('POST', '/accounts', { login: 'frank', email: 'frank@example.com', city: 'Bern' });
  const { status, body } = await ask('PUT', '/accounts/frank', { phone: '123', login: 'root', uuid: randomUUID() });
  assert.deepEqual([status, body.uuid, body.login, body.city, body.phone], [200, made.uuid, 'frank', 'Bern', '123']);
});

test('a key gets the name given, or its comment, or its fingerprint', async () => {
  await ask('POST', '/accounts', { login: 'grace', email: 'grace@example.com' });
  const keys = [newKey('ed25519'), newKey('ed25519'), newKey('ed25519')] as const;
  const bare = keys[2].publicText.split(' ').slice(0, 2).join(' ');
  await ask('POST', '/accounts/grace/keys', { name: 'laptop', key: keys[0].publicText });
  await ask('POST', '/accounts/grace/keys', { key: keys[1].publicText });
  await ask('POST', '/accounts/grace/keys', { key: bare });
  const { body } = await ask('GET', '/accounts/grace/keys');
  assert.deepEqual(body.map(({ name }: { name: string }) => name).sort(), ['ed25519@test', 'laptop', keys[2].fingerprint].sort());
});

test('a key twice, or a name twice, is refused; another account may have the same key', async () => {
  for (const login of ['heidi', 'ivan']) await ask('POST', '/accounts', { login, email: `${login}@example.com` });
  const { publicText } = newKey('ecdsa');
  assert.equal((await ask('POST', '/accounts/heidi/keys', { name: 'one', key: publicText })).status, 201);
  assert.equal((await ask('POST', '/accounts/heidi/keys', { name: 'two', key: publicText })).body.code, 'InUse');
  assert.equal((await ask('POST', '/accounts/heidi/keys', { name: 'one', key: newKey('ecdsa').publicText })).body.code, 'InUse');
  assert.equal((await ask('POST', '/accounts/ivan/keys', { name: 'one', key: publicText })).status, 201);
});

test('a key that is named like the fingerprint of another does not stand for it', async () => {
  await ask('POST', '/accounts', { login: 'judy', email: 'judy@example.com' });
  const [real, other] = [newKey('ed25519'), newKey('ed25519')];
  await ask('POST', '/accounts/judy/keys', { name: real.fingerprint, key: other.publicText });
  const { body } = await ask('POST', '/accounts/judy/keys', { name: 'real', key: real.publicText });
  assert.equal(body.name, 'real');
  assert.equal((await openAccounts({ db }).key((await ask('GET', '/accounts/judy')).body.uuid, real.fingerprint))?.name, 'real');
});

test('a key is removed by name or fingerprint, and what is not there is not found', async () => {
  await ask('POST', '/accounts', { login: 'karl', email: 'karl@example.com' });
  const [one, two] = [newKey('ed25519'), newKey('ecdsa')];
  await ask('POST', '/accounts/karl/keys', { name: 'one', key: one.publicText });
  await ask('POST', '/accounts/karl/keys', { name: 'two', key: two.publicText });
  assert.equal((await ask('DELETE', '/accounts/karl/keys/one')).status, 204);
  assert.equal((await ask('DELETE', `/accounts/karl/keys/${two.fingerprint}`)).status, 204);
  assert.deepEqual([(await ask('DELETE', '/accounts/karl/keys/one')).status, (await ask('GET', '/accounts/karl/keys')).body], [404, []]);
  assert.equal((await ask('GET', '/accounts/nobody/keys')).body.code, 'ResourceNotFound');
});
