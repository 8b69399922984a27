/** What an account asks wrongly is refused by name and changes nothing; what belongs to another is not there. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { after, before, test } from 'node:test';
import { IMAGE, newKey, serve, type Serving } from './serving.ts';
import { send, type Answer } from './signing.ts';

let serving: Serving;
let own: string;
let others: string;

before(async () => {
  serving = await serve();
  await serving.head.packages.create({ name: 'bobs', max_physical_memory: 64, quota: 1024, owner_uuids: [serving.bob.uuid] });
  own = await serving.put({ owner_uuid: serving.alice.uuid, alias: 'own', tags: { a: 'b' }, customer_metadata: { k: 'v' } });
  others = await serving.put({ owner_uuid: serving.bob.uuid, alias: 'others', tags: { a: 'b' }, customer_metadata: { k: 'v' }, nics: [{ mac: '90:b8:d0:00:00:01', ip: '10.0.0.1' }] });
});

after(async () => await serving.close());

async function ask(method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const key = serving.keys.ed25519;
  const text = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
  return await send(serving.url, { method, path, key, keyId: `/alice/keys/${key.fingerprint}`, headers, ...(text === undefined ? {} : { body: text }) });
}

const MACHINE_ROUTES: ReadonlyArray<readonly [method: string, path: string, body?: object]> = [
  ['GET', ''],
  ['HEAD', ''],
  ['DELETE', ''],
  ['POST', '?action=stop'],
  ['POST', '', { action: 'rename', name: 'mine' }],
  ['POST', '', { action: 'resize', package: 'large' }],
  ['GET', '/audit'],
  ['GET', '/tags'],
  ['POST', '/tags', { a: 'c' }],
  ['PUT', '/tags', { a: 'c' }],
  ['DELETE', '/tags'],
  ['GET', '/tags/a'],
  ['DELETE', '/tags/a'],
  ['GET', '/metadata'],
  ['POST', '/metadata', { k: 'w' }],
  ['DELETE', '/metadata/k'],
  ['GET', '/nics'],
  ['POST', '/nics', { network: IMAGE }],
  ['GET', '/nics/90b8d0000001'],
  ['DELETE', '/nics/90b8d0000001'],
  ['GET', '/disks'],
  ['POST', '/disks', { size: 1024 }],
  ['GET', '/snapshots'],
  ['POST', '/snapshots', { name: 'a' }],
  ['GET', '/snapshots/a'],
];

for (const [method, path, body] of MACHINE_ROUTES) {
  test(`${method} /machines/:id${path} of another account's machine is answered as of one that never was`, async () => {
    const absent = randomUUID();
    const before = await serving.head.vms.get(others);
    const [theirs, none] = [await ask(method, `/alice/machines/${others}${path}`, body), await ask(method, `/alice/machines/${absent}${path}`, body)];
    assert.equal(theirs.status, 404);
    assert.deepEqual([theirs.status, theirs.text.replaceAll(others, absent)], [none.status, none.text]);
    assert.deepEqual(await serving.head.vms.get(others), before);
    assert.deepEqual(await serving.head.jobs.list({ vmUuid: others }), []);
  });
}

test('a machine that is named by no uuid is not there', async () => {
  for (const name of ['own', '%00', '..%2f..%2fetc', 'x'.repeat(200), own.toUpperCase()]) assert.equal((await ask('GET', `/alice/machines/${name}`)).status, 404, name);
});

const BODIES: ReadonlyArray<readonly [what: string, body: string, headers: Readonly<Record<string, string>>, status: number, code: string]> = [
  ['JSON that is cut off', '{"action":', {}, 400, 'InvalidContent'],
  ['an array', '[1,2]', {}, 409, 'InvalidArgument'],
  ['text', '"stop"', {}, 409, 'InvalidArgument'],
  ['a prototype', '{"__proto__":{"action":"stop"}}', {}, 400, 'InvalidContent'],
  ['XML', '<action/>', { 'content-type': 'application/xml' }, 415, 'UnsupportedMediaType'],
  ['more than a MiB', `{"action":"stop","x":"${'x'.repeat(1_100_000)}"}`, {}, 413, 'RequestEntityTooLarge'],
];

for (const [what, body, headers, status, code] of BODIES) {
  test(`a body of ${what} is refused and does nothing`, async () => {
    const answer = await ask('POST', `/alice/machines/${own}`, body, headers);
    assert.deepEqual([answer.status, answer.json.code], [status, code]);
    assert.deepEqual(await serving.head.jobs.list({ vmUuid: own }), []);
  });
}

test('who does not sign is answered before the body is there', async () => {
  const sent = request(`${serving.url}/alice/machines/${own}`, { method: 'POST', headers: { 'content-type': 'application/json', 'content-length': 500_000 } });
  sent.write('{');
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  sent.on('error', () => undefined).destroy();
  assert.equal(response.statusCode, 401);
});

const QUERIES = ['limit=0', 'limit=-1', 'limit=1001', 'limit=many', 'offset=-1', 'offset=1.5', 'memory=much', 'docker=perhaps'];

for (const query of QUERIES) {
  test(`a list with ${query} is refused by the parameter's name`, async () => {
    const { status, json } = await ask('GET', `/alice/machines?${query}`);
    assert.deepEqual([status, json.code], [409, 'InvalidArgument']);
    assert.match(String(json.message), new RegExp(query.split('=')[0] ?? ''));
  });
}

test('a page past the end is empty', async () => {
  const { status, json, headers } = await ask('GET', '/alice/machines?offset=5000&limit=10');
  assert.deepEqual([status, json, headers.get('x-resource-count'), headers.get('x-query-limit')], [200, [], '0', '10']);
});

const ACTIONS: ReadonlyArray<readonly [what: string, body: object, status: number, code: string]> = [
  ['no action', {}, 409, 'InvalidArgument'],
  ['an action that does not exist', { action: 'explode' }, 409, 'InvalidArgument'],
  ['a new name that is none', { action: 'rename', name: '../etc' }, 409, 'InvalidArgument'],
  ['no new name', { action: 'rename' }, 409, 'InvalidArgument'],
  ['a package that does not exist', { action: 'resize', package: randomUUID() }, 404, 'ResourceNotFound'],
  ['a firewall', { action: 'enable_firewall' }, 501, 'NotSupported'],
];

for (const [what, body, status, code] of ACTIONS) {
  test(`an action with ${what} is refused and does nothing`, async () => {
    const answer = await ask('POST', `/alice/machines/${own}`, body);
    assert.deepEqual([answer.status, answer.json.code], [status, code]);
    assert.deepEqual(await serving.head.jobs.list({ vmUuid: own }), []);
  });
}

const CREATES: ReadonlyArray<readonly [what: string, change: Readonly<Record<string, unknown>> | (() => object), status: number, reason: RegExp]> = [
  ['without an image', { image: undefined }, 409, /image/],
  ['with an image that does not exist', { image: 'aaaaaaaa-0000-4000-8000-000000000000' }, 404, /image aaaaaaaa/],
  ['without a package', { package: undefined }, 409, /package/],
  ['with a package that does not exist', { package: 'huge' }, 404, /package huge/],
  ['with a package of another account', { package: 'bobs' }, 404, /package bobs/],
  ['on a network of another account', () => ({ networks: [serving.bobsNetwork] }), 409, /network .* is not one that this account may use/],
  ['on a network that does not exist', { networks: ['aaaaaaaa-0000-4000-8000-000000000000'] }, 409, /network aaaaaaaa/],
  ['with a name that is none', { name: 'a b' }, 409, /name/],
  ['with an object for metadata', { 'metadata.a': { b: 'c' } }, 409, /not valid/],
  ['with a list for a tag', { 'tag.a': [1] }, 409, /not valid/],
  ['with volumes', { volumes: [{ name: 'v' }] }, 501, /volumes is not supported/],
  ['with a firewall', { firewall_enabled: true }, 501, /firewall .* is not supported/],
  ['encrypted', { encrypted: true }, 501, /encrypted storage is not supported/],
];

for (const [what, change, status, reason] of CREATES) {
  test(`a machine ${what} is not made, and the answer says why`, async () => {
    const count = (await serving.head.vms.list({ ownerUuid: serving.alice.uuid })).total;
    const answer = await ask('POST', '/alice/machines', { image: IMAGE, package: 'small', ...(typeof change === 'function' ? change() : change) });
    assert.equal(answer.status, status, answer.text);
    assert.match(String(answer.json.message), reason);
    assert.equal((await serving.head.vms.list({ ownerUuid: serving.alice.uuid })).total, count);
  });
}

test('a network of another account is not there, nor is the network of the nodes', async () => {
  const { json } = await ask('GET', '/alice/networks');
  assert.deepEqual((json as unknown as Array<{ id: string }>).map(({ id }) => id), [serving.network]);
  for (const name of [serving.bobsNetwork, 'theirs', 'admin']) assert.equal((await ask('GET', `/alice/networks/${name}`)).status, 404);
});

test('a private key that is sent by mistake is refused without being repeated', async () => {
  const { privateText } = newKey('ed25519');
  const answer = await ask('POST', '/alice/keys', { name: 'oops', key: privateText });
  assert.deepEqual([answer.status, answer.json.code], [409, 'InvalidArgument']);
  assert.ok(!answer.text.includes(privateText.split('\n')[1] ?? privateText));
});

test('neither login nor uuid can be changed by who has the account', async () => {
  const answer = await ask('POST', '/alice', { login: 'root', uuid: randomUUID(), id: randomUUID(), city: 'Bern' });
  assert.deepEqual([answer.status, answer.json['id'], answer.json['login'], answer.json['city']], [200, serving.alice.uuid, 'alice', 'Bern']);
});

test('a tag that is no value, and a key that is empty, are refused', async () => {
  for (const body of [{ a: { b: 1 } }, { a: null }, { '': 'x' }, [1]]) {
    const answer = await ask('POST', `/alice/machines/${own}/tags`, body);
    assert.deepEqual([answer.status, answer.json.code], [409, 'InvalidArgument'], answer.text);
  }
  assert.deepEqual((await ask('GET', `/alice/machines/${own}/tags`)).json, { a: 'b' });
});

test('what no route knows is not found by who signs', async () => {
  for (const [method, path] of [['GET', '/alice/nonesuch'], ['PATCH', '/alice'], ['GET', '/alice/machines/a/b/c/d']] as const) {
    const { status, json } = await ask(method, path);
    assert.deepEqual([status, json.code], [404, 'ResourceNotFound']);
  }
});
