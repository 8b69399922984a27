import assert from 'node:assert/strict';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { nodeRole, OPERATOR } from '../../../headnode/http/roles.ts';
import { imageServer, type ImageServer } from '../../support/image-server.ts';
import { callsTo, manifest, MISSING, OTHER, OWNER, sha1, type Wire } from './calls.ts';

let server: ImageServer;
const { call, published } = callsTo(() => server);

before(async () => {
  server = await imageServer({ roleOf: ({ headers }) => (headers['x-test-role'] === 'node' ? nodeRole(OWNER) : OPERATOR) });
});
after(() => server.close());

test('an image is created, gets its file, is activated and can be fetched as it was', async () => {
  const content = randomBytes(300_000);
  const created = await call('POST', '/images', { name: 'debian', version: '13', type: 'lx-dataset', os: 'linux', owner: OWNER, tags: { role: 'os' } });
  const { uuid } = created.body;
  assert.deepEqual([created.status, created.body['state'], created.body['public'], created.body['published_at']], [200, 'unactivated', false, undefined]);
  assert.equal((await call('POST', `/images/${uuid}?action=activate`)).body.code, 'NoActivationNoFile');
  const added = await call('PUT', `/images/${uuid}/file?compression=gzip&sha1=${sha1(content)}&dataset_guid=1234`, content);
  const sha256 = createHash('sha256').update(content).digest('hex');
  assert.deepEqual(added.body['files'], [{ sha1: sha1(content), sha256, size: 300_000, compression: 'gzip', dataset_guid: '1234' }]);
  const active = (await call('POST', `/images/${uuid}?action=activate`)).body;
  assert.equal(active['state'], 'active');
  assert.match(String(active['published_at']), /^\d{4}-\d\d-\d\dT/);
  assert.deepEqual((await call('GET', `/images/${uuid}`)).body, active);

  const file = await fetch(`${server.url}/images/${uuid}/file`);
  assert.deepEqual(Buffer.from(await file.arrayBuffer()), content);
  assert.deepEqual(
    ['content-length', 'content-type', 'content-md5', 'etag', 'accept-ranges'].map((name) => file.headers.get(name)),
    ['300000', 'application/octet-stream', createHash('md5').update(content).digest('base64'), `"${sha1(content)}"`, 'bytes'],
  );
  assert.equal((await stat(join(server.directory, 'images', sha256))).mode & 0o777, 0o600);
});

test('an import keeps uuid and date, and one uuid is taken once', async () => {
  const image = await published({ published_at: '2020-01-02T03:04:05Z' });
  assert.equal(image['published_at'], '2020-01-02T03:04:05Z');
  const again = await call('POST', `/images/${image.uuid}?action=import`, manifest({ uuid: image.uuid }));
  assert.deepEqual([again.status, again.body.code], [409, 'ImageUuidAlreadyExists']);
  const other = await call('POST', `/images/${MISSING}?action=import`, manifest());
  assert.deepEqual([other.status, other.body.code], [422, 'InvalidParameter']);
});

test('a manifest is held to the rules of imgadm, and each field that is wrong is named', async () => {
  const bad = manifest({ name: 'a;b', type: 'floppy', nic_driver: 'virtio', secret: 1, origin: '../..' });
  const { status, body } = await call('POST', `/images/${String(bad['uuid'])}?action=import`, bad);
  assert.deepEqual([status, body.code], [422, 'ValidationFailed']);
  assert.deepEqual((body['errors'] as Array<{ field: string }>).map(({ field }) => field).sort(), ['name', 'origin', 'secret', 'type']);
  const empty = await call('POST', '/images', {});
  assert.deepEqual((empty.body['errors'] as Array<{ field: string; code: string }>).map(({ field, code }) => `${field} ${code}`), ['name MissingParameter', 'version MissingParameter', 'type MissingParameter', 'os MissingParameter']);
  for (const body of [[], 'text']) assert.equal((await call('POST', '/images', body)).status, 422);
});

test('lists are filtered by what the wire names', async () => {
  const os = `os${randomUUID().slice(0, 8)}`;
  const tagged = { tags: { [os]: 'yes', 'a.b': true } };
  const one = await published({ name: `alpha-${os}`, public: true, published_at: '2021-01-01T00:00:00Z', billing_tags: ['x', 'y'], ...tagged });
  const two = await published({ name: `beta-${os}`, version: '2.0', owner: OTHER, type: 'other', published_at: '2021-01-02T00:00:00Z', ...tagged });
  const list = async (query: string): Promise<string[]> => ((await call('GET', `/images?tag.${os}=yes&${query}`)).body as unknown as Wire[]).map(({ uuid }) => uuid);
  assert.deepEqual(await list(''), [one.uuid, two.uuid]);
  assert.deepEqual(await list('sort=published_at.desc'), [two.uuid, one.uuid]);
  assert.deepEqual(await list(`name=alpha-${os}`), [one.uuid]);
  assert.deepEqual(await list('name=~eta-'), [two.uuid]);
  assert.deepEqual(await list('name=~%25'), []);
  assert.deepEqual(await list('version=2.0'), [two.uuid]);
  assert.deepEqual(await list('type=!other'), [one.uuid]);
  assert.deepEqual(await list('public=true'), [one.uuid]);
  assert.deepEqual(await list('public=false'), [two.uuid]);
  assert.deepEqual(await list(`owner=${OTHER}`), [two.uuid]);
  assert.deepEqual(await list('billing_tag=x&billing_tag=y'), [one.uuid]);
  assert.deepEqual(await list('tag.a.b=true'), [one.uuid, two.uuid]);
  await call('POST', `/images/${one.uuid}?action=disable`);
  assert.deepEqual(await list(''), [two.uuid]);
  assert.deepEqual(await list('state=disabled'), [one.uuid]);
  assert.deepEqual(await list('state=all'), [one.uuid, two.uuid]);
  for (const query of ['state=open', 'limit=0', 'limit=1001', 'sort=name', 'owner=me']) assert.equal((await call('GET', `/images?${query}`)).status, 422, query);
});

test('pages follow each other by a marker, also among images of one date', async () => {
  const tag = randomUUID();
  const made = await Promise.all(Array.from({ length: 7 }, () => published({ tags: { [tag]: 'page' }, published_at: '2022-02-02T00:00:00Z' })));
  const page = async (query: string): Promise<string[]> => ((await call('GET', `/images?tag.${tag}=page&${query}`)).body as unknown as Wire[]).map(({ uuid }) => uuid);
  const seen: string[] = [];
  for (let marker = ''; ; marker = seen.at(-1) ?? '') {
    const uuids = await page(`limit=3${marker === '' ? '' : `&marker=${marker}`}`);
    const fresh = uuids.filter((uuid) => !seen.includes(uuid));
    if (fresh.length === 0) break;
    assert.ok(marker === '' || uuids[0] === marker);
    seen.push(...fresh);
  }
  assert.deepEqual(seen, made.map(({ uuid }) => uuid).sort());
  assert.deepEqual(await page('marker=2022-02-02T00:00:00Z&limit=2'), seen.slice(0, 2));
  assert.deepEqual(await page('marker=2022-02-03T00:00:00Z'), []);
  assert.equal((await call('GET', `/images?marker=${MISSING}`)).body.code, 'InvalidParameter');
});

test("an account sees its own, public and granted images; another's is as if it were not there", async () => {
  const mine = await published();
  const open = await published({ owner: OTHER, public: true });
  const theirs = await published({ owner: OTHER });
  const granted = await published({ owner: OTHER, acl: [OWNER] });
  const hidden = manifest({ owner: OTHER, public: true });
  await call('POST', `/images/${String(hidden['uuid'])}?action=import`, hidden);
  const seen = ((await call('GET', `/images?account=${OWNER}&state=all`)).body as unknown as Wire[]).map(({ uuid }) => uuid);
  assert.deepEqual([mine, open, granted, theirs, hidden].map(({ uuid }) => seen.includes(String(uuid))), [true, true, true, false, false]);
  for (const path of ['', '/file']) {
    const [secret, absent] = await Promise.all([call('GET', `/images/${theirs.uuid}${path}?account=${OWNER}`), call('GET', `/images/${MISSING}${path}?account=${OWNER}`)]);
    assert.deepEqual([secret.status, secret.body.code], [404, 'ResourceNotFound']);
    assert.equal(JSON.stringify(secret.body).replaceAll(theirs.uuid, MISSING), JSON.stringify(absent.body));
  }
  assert.equal((await call('POST', `/images/${theirs.uuid}?action=update&account=${OWNER}`, { description: 'mine' })).status, 404);
  assert.deepEqual((await call('POST', `/images/${open.uuid}?action=update&account=${OWNER}`, { description: 'mine' })).body.code, 'NotImageOwner');
  assert.equal((await call('DELETE', `/images/${open.uuid}?account=${OWNER}`)).status, 422);
  const created = await call('POST', `/images?account=${OWNER}`, { name: 'own', version: '1', type: 'lx-dataset', os: 'linux' });
  assert.equal(created.body['owner'], OWNER);
  assert.equal((await call('POST', `/images?account=${OWNER}`, { ...manifest({ owner: OTHER }) })).body.code, 'NotImageOwner');
  assert.deepEqual((await call('POST', `/images/${theirs.uuid}/acl`, [OWNER])).body['acl'], [OWNER]);
  assert.equal((await call('GET', `/images/${theirs.uuid}?account=${OWNER}`)).status, 200);
  assert.deepEqual((await call('POST', `/images/${theirs.uuid}/acl?action=remove`, [OWNER])).body['acl'], []);
});

test('an image of nobody in particular is public unless it says otherwise', async () => {
  assert.equal((await published({ owner: undefined })).public, true);
  assert.equal((await published({ owner: undefined, public: false })).public, false);
});

test('update changes what may change, by the same rules, and nothing else', async () => {
  const { uuid } = await published();
  const { body } = await call('POST', `/images/${uuid}?action=update`, { description: 'new', public: 'true', tags: { a: 1 } });
  assert.deepEqual([body['description'], body['public'], body['tags']], ['new', true, { a: 1 }]);
  assert.equal((await call('POST', `/images/${uuid}?action=update`, { description: null })).body['description'], undefined);
  assert.equal((await call('POST', `/images/${uuid}?action=update`, { description: 7 })).body.code, 'ValidationFailed');
  for (const field of ['type', 'files', 'origin', 'state', 'uuid']) assert.equal((await call('POST', `/images/${uuid}?action=update`, { [field]: 'x' })).body.code, 'InvalidParameter', field);
  assert.equal((await call('POST', `/images/${uuid}?action=explode`)).body.code, 'NotImplemented');
});

test('an image server to import from must have a URL', async () => {
  for (const source of ['', 'ftp://x', 'http://u:p@x', 'http://a b']) {
    const { status, body } = await call('POST', `/images/${MISSING}?action=import-remote&source=${encodeURIComponent(source)}`);
    assert.deepEqual([status, body.code], [422, 'InvalidParameter'], source);
  }
  assert.equal((await call('POST', `/images/${MISSING}?action=import-remote`)).body.code, 'InvalidParameter');
});

test('an origin must be there and active, and is not deleted under its images', async () => {
  const orphan = manifest({ origin: MISSING });
  assert.equal((await call('POST', `/images/${String(orphan['uuid'])}?action=import`, orphan)).body.code, 'OriginDoesNotExist');
  const own = manifest();
  assert.equal((await call('POST', `/images/${String(own['uuid'])}?action=import`, { ...own, origin: own['uuid'] })).body.code, 'OriginDoesNotExist');
  const base = await published();
  const child = manifest({ origin: base.uuid });
  const uuid = String(child['uuid']);
  await call('POST', `/images/${uuid}?action=import`, child);
  await call('PUT', `/images/${uuid}/file?compression=none`, randomBytes(10));
  await call('POST', `/images/${base.uuid}?action=disable`);
  assert.equal((await call('POST', `/images/${uuid}?action=activate`)).body.code, 'OriginIsNotActive');
  await call('POST', `/images/${base.uuid}?action=enable`);
  assert.equal((await call('POST', `/images/${uuid}?action=activate`)).status, 200);
  assert.equal((await call('POST', `/images/${uuid}?action=activate`)).body.code, 'ImageAlreadyActivated');
  assert.equal((await call('DELETE', `/images/${base.uuid}`)).body.code, 'ImageHasDependentImages');
});

test('what is no uuid names no image, whatever it looks like', async () => {
  for (const name of ['foo', '..%2f..%2fetc%2fpasswd', `${MISSING}%00`, MISSING.toUpperCase().replace('0', 'A'), '%0a', "'; DROP TABLE images; --"]) {
    for (const path of [`/images/${name}`, `/images/${name}/file`]) assert.equal((await call('GET', path)).status, 404, path);
  }
  assert.equal((await call('GET', `/images/${MISSING}/file`)).body.code, 'ResourceNotFound');
});

test('a body that is too large or malformed is refused', async () => {
  const large = await call('POST', '/images', { ...manifest(), description: 'x'.repeat(2_000_000) });
  assert.deepEqual([large.status, large.body.code], [413, 'RequestEntityTooLarge']);
  const malformed = await fetch(`${server.url}/images`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{' });
  assert.equal(malformed.status, 400);
});

test('a node reads images and changes none', async () => {
  const { uuid } = await published();
  const headers = { 'x-test-role': 'node' };
  assert.equal((await call('GET', '/images', undefined, headers)).status, 200);
  assert.equal((await call('GET', `/images/${uuid}`, undefined, headers)).status, 200);
  assert.equal((await fetch(`${server.url}/images/${uuid}/file`, { headers })).status, 200);
  for (const [method, path] of [['POST', '/images'], ['POST', `/images/${uuid}?action=disable`], ['PUT', `/images/${uuid}/file?compression=none`], ['DELETE', `/images/${uuid}`], ['POST', `/images/${uuid}/acl`]] as const) {
    assert.equal((await call(method, path, method === 'DELETE' ? undefined : {}, headers)).status, 404, `${method} ${path}`);
  }
});
