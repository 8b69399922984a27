import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { WireObject } from '../../../headnode/services.ts';
import { ASKER, createParams, IMAGE, openHead, OTHER_OWNER, OWNER, type Head } from './open-head.ts';

let head: Head;
let uuid: string;

before(async () => {
  head = await openHead();
  const { vm_uuid, job_uuid } = await head.vms.create(createParams(head, { alias: 'web' }), ASKER);
  assert.equal((await head.ended(job_uuid)).execution, 'succeeded');
  uuid = vm_uuid;
});

after(async () => await head?.close());

const UNKNOWN = '99999999-9999-4999-8999-999999999999';

interface Answer {
  readonly status: number;
  readonly body: { readonly code?: string; readonly message?: string; readonly errors?: ReadonlyArray<{ readonly field: string; readonly code: string; readonly message: string }> };
}

async function ask(method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD', url: string, payload?: WireObject | string): Promise<Answer> {
  const response = await head.app.inject({ method, url, ...(payload === undefined ? {} : { payload, headers: { 'content-type': 'application/json' } }) });
  return { status: response.statusCode, body: response.body === '' ? {} : (response.json() as Answer['body']) };
}

async function nothingChanged(during: () => Promise<void>): Promise<void> {
  const counts = async () => await head.database.query('SELECT (SELECT count(*) FROM vms) AS vms, (SELECT count(*) FROM jobs) AS jobs, (SELECT count(*) FROM nics) AS nics, (SELECT vm::text FROM vms WHERE uuid = $1) AS vm', [uuid]);
  const before = await counts();
  await during();
  assert.deepEqual(await counts(), before);
}

const params = (more: WireObject): WireObject => createParams(head, more);

/** What is wrong, and the field that the answer must name. */
const BAD_CREATES: ReadonlyArray<readonly [what: string, payload: () => WireObject, field: string]> = [
  ['no owner', () => params({ owner_uuid: undefined }), 'owner_uuid'],
  ['an owner that is no uuid', () => params({ owner_uuid: "x'; DROP TABLE vms; --" }), 'owner_uuid'],
  ['no brand', () => params({ brand: undefined }), 'brand'],
  ['a brand that there is not', () => params({ brand: 'xen' }), 'brand'],
  ['no networks', () => params({ networks: undefined }), 'networks'],
  ['networks that are no array', () => params({ networks: { a: 1 } }), 'networks'],
  ['a network that there is not', () => params({ networks: [UNKNOWN] }), 'networks.0'],
  ['a network that is a number', () => params({ networks: [5] }), 'networks.0'],
  ['two primary networks', () => params({ networks: [{ uuid: head.network, primary: true }, { uuid: head.network, primary: true }] }), 'networks'],
  ['two addresses on a network', () => params({ networks: [{ ipv4_uuid: head.network, ipv4_ips: ['10.66.0.20', '10.66.0.21'] }] }), 'networks.0.ipv4_ips'],
  ['neither memory nor package', () => params({ ram: undefined }), 'ram'],
  ['memory of nothing', () => params({ ram: 0 }), 'ram'],
  ['memory that is no number', () => params({ ram: 'much' }), 'ram'],
  ['a package that there is not', () => params({ billing_id: UNKNOWN }), 'billing_id'],
  ['no image', () => params({ image_uuid: undefined }), 'image_uuid'],
  ['an image that there is not', () => params({ image_uuid: UNKNOWN }), 'image_uuid'],
  ['an image that is a path', () => params({ image_uuid: '../../etc/passwd' }), 'image_uuid'],
  ['a name with a line break', () => params({ alias: 'web\nlxc.hook=x' }), 'alias'],
  ['a name that is too long', () => params({ alias: 'a'.repeat(190) }), 'alias'],
  ['a name that the owner has', () => params({ alias: 'web' }), 'alias'],
  ['a uuid that there is', () => params({ uuid }), 'uuid'],
  ['a uuid that is none', () => params({ uuid: 'mine' }), 'uuid'],
  ['a quota that is no number', () => params({ quota: 'all' }), 'quota'],
  ['a server that there is not', () => params({ server_uuid: UNKNOWN }), 'server_uuid'],
  ['tags that are text', () => params({ tags: 'a=b' }), 'tags'],
  ['metadata with an object in it', () => params({ customer_metadata: { a: { b: 1 } } }), 'customer_metadata'],
  ['a property that there is not', () => params({ colour: 'red' }), 'colour'],
  ['a machine without disks', () => params({ brand: 'kvm', image_uuid: undefined }), 'disks'],
];

for (const [what, payload, field] of BAD_CREATES) {
  test(`a create with ${what} is refused, and nothing is made`, async () => {
    await nothingChanged(async () => {
      const { status, body } = await ask('POST', '/vms', payload());
      assert.equal(status, 409, JSON.stringify(body));
      assert.equal(body.code, 'ValidationFailed');
      assert.ok(body.errors?.some((error) => error.field === field && error.message !== ''), JSON.stringify(body.errors));
    });
  });
}

test('a create with several mistakes names all of them', async () => {
  const { body } = await ask('POST', '/vms', { brand: 'xen', networks: [UNKNOWN] });
  assert.deepEqual(body.errors?.map(({ field, code }) => `${field} ${code}`), ['owner_uuid MissingParameter', 'brand Invalid', 'ram MissingParameter', 'image_uuid MissingParameter']);
});

const BAD_REQUESTS: ReadonlyArray<readonly [what: string, request: () => Parameters<typeof ask>, status: number, code: string]> = [
  ['a body that is not JSON', () => ['POST', '/vms', '{"brand":'], 400, 'InvalidContent'],
  ['a body that is an array', () => ['POST', '/vms', '[]'], 409, 'InvalidArgument'],
  ['a body that is too large', () => ['POST', '/vms', JSON.stringify({ ...params({}), customer_metadata: { a: 'x'.repeat(5 * 1024 * 1024) } })], 413, 'RequestEntityTooLarge'],
  ['a VM that there is not', () => ['GET', `/vms/${UNKNOWN}`], 404, 'ResourceNotFound'],
  ['a VM that is no uuid', () => ['GET', '/vms/web'], 409, 'ValidationFailed'],
  ['another owner’s VM', () => ['GET', `/vms/${uuid}?owner_uuid=${OTHER_OWNER}`], 404, 'ResourceNotFound'],
  ['stopping another owner’s VM', () => ['POST', `/vms/${uuid}?action=stop&owner_uuid=${OTHER_OWNER}`, {}], 404, 'ResourceNotFound'],
  ['deleting another owner’s VM', () => ['DELETE', `/vms/${uuid}?owner_uuid=${OTHER_OWNER}`], 404, 'ResourceNotFound'],
  ['tags of another owner’s VM', () => ['GET', `/vms/${uuid}/tags?owner_uuid=${OTHER_OWNER}`], 404, 'ResourceNotFound'],
  ['changing tags of another owner’s VM', () => ['PUT', `/vms/${uuid}/tags?owner_uuid=${OTHER_OWNER}`, { a: 'b' }], 404, 'ResourceNotFound'],
  ['deleting a VM that there is not', () => ['DELETE', `/vms/${UNKNOWN}`], 404, 'ResourceNotFound'],
  ['an action that there is not', () => ['POST', `/vms/${uuid}?action=explode`, {}], 409, 'ValidationFailed'],
  ['an action of Object’s', () => ['POST', `/vms/${uuid}?action=constructor`, {}], 409, 'ValidationFailed'],
  ['no action', () => ['POST', `/vms/${uuid}`, {}], 409, 'MissingParameter'],
  ['an action that is not there yet', () => ['POST', `/vms/${uuid}?action=create_snapshot`, {}], 409, 'ActionNotSupported'],
  ['starting what runs', () => ['POST', `/vms/${uuid}?action=start`, {}], 409, 'Conflict'],
  ['an update of nothing', () => ['POST', `/vms/${uuid}?action=update`, {}], 409, 'ValidationFailed'],
  ['an update of what cannot be changed', () => ['POST', `/vms/${uuid}?action=update`, { zpool: 'tank', colour: 'red' }], 409, 'ValidationFailed'],
  ['removing a nic by a path', () => ['POST', `/vms/${uuid}?action=remove_nics`, { macs: ['../..'] }], 409, 'ValidationFailed'],
  ['adding nics of no network', () => ['POST', `/vms/${uuid}?action=add_nics`, { networks: [] }], 409, 'ValidationFailed'],
  ['metadata with an object in it', () => ['POST', `/vms/${uuid}/customer_metadata`, { a: { b: 1 } }], 409, 'ValidationFailed'],
  ['metadata that is an array', () => ['PUT', `/vms/${uuid}/customer_metadata`, '[1]'], 409, 'InvalidArgument'],
  ['a tag that there is not', () => ['GET', `/vms/${uuid}/tags/colour`], 404, 'ResourceNotFound'],
  ['a tag of Object’s', () => ['GET', `/vms/${uuid}/tags/constructor`], 404, 'ResourceNotFound'],
  ['deleting a tag that there is not', () => ['DELETE', `/vms/${uuid}/tags/colour`], 404, 'ResourceNotFound'],
  ['a predicate that is not JSON', () => ['GET', '/vms?predicate=eq'], 409, 'ValidationFailed'],
  ['a predicate without operands', () => ['GET', `/vms?predicate=${encodeURIComponent('{"eq":["brand"]}')}`], 409, 'ValidationFailed'],
  ['a predicate with an operator that there is not', () => ['GET', `/vms?predicate=${encodeURIComponent('{"like":["brand","x"]}')}`], 409, 'ValidationFailed'],
  ['a predicate with a field that there is not', () => ['GET', `/vms?predicate=${encodeURIComponent('{"eq":["vm); DROP TABLE vms; --","x"]}')}`], 409, 'ValidationFailed'],
  ['a predicate that compares memory with text', () => ['GET', `/vms?predicate=${encodeURIComponent('{"ge":["ram","much"]}')}`], 409, 'ValidationFailed'],
  ['a predicate that is nested deep', () => ['GET', `/vms?predicate=${encodeURIComponent('{"and":['.repeat(20) + '{"eq":["brand","lx"]}' + ']}'.repeat(20))}`], 409, 'ValidationFailed'],
  ['a filter that there is not', () => ['GET', '/vms?colour=red'], 409, 'ValidationFailed'],
  ['an LDAP query', () => ['GET', '/vms?query=(alias=web)'], 409, 'ValidationFailed'],
  ['sorting by what there is not', () => ['GET', '/vms?sort=colour'], 409, 'ValidationFailed'],
  ['sorting by SQL', () => ['GET', `/vms?sort=${encodeURIComponent('uuid;DROP TABLE vms')}`], 409, 'ValidationFailed'],
  ['a marker that is not JSON', () => ['GET', '/vms?marker=5'], 409, 'ValidationFailed'],
  ['a marker without a uuid', () => ['GET', `/vms?marker=${encodeURIComponent('{"alias":"web"}')}`], 409, 'ValidationFailed'],
  ['a limit of nothing', () => ['GET', '/vms?limit=0'], 409, 'ValidationFailed'],
  ['a limit that is too large', () => ['GET', '/vms?limit=1001'], 409, 'ValidationFailed'],
  ['an offset below nothing', () => ['GET', '/vms?offset=-1'], 409, 'ValidationFailed'],
  ['memory that is text', () => ['GET', '/vms?ram=much'], 409, 'ValidationFailed'],
  ['uuids that are none', () => ['GET', '/vms?uuids=a,b'], 409, 'ValidationFailed'],
  ['a job that there is not', () => ['GET', `/jobs/${UNKNOWN}`], 404, 'ResourceNotFound'],
  ['waiting for a job that there is not', () => ['GET', `/jobs/${UNKNOWN}/wait?timeout=1`], 404, 'ResourceNotFound'],
  ['jobs of an outcome that there is not', () => ['GET', '/jobs?execution=splendid'], 409, 'ValidationFailed'],
  ['results of a job that there is not', () => ['POST', '/job_results', { job_uuid: UNKNOWN }], 404, 'ResourceNotFound'],
];

for (const [what, request, status, code] of BAD_REQUESTS) {
  test(`${what}: ${status} ${code}, and nothing is changed`, async () => {
    await nothingChanged(async () => {
      const answer = await ask(...request());
      assert.deepEqual([answer.status, answer.body.code], [status, code], JSON.stringify(answer.body));
      assert.ok((answer.body.message ?? '') !== '');
    });
  });
}

test('a page past the end is empty, and tells how many there are', async () => {
  const response = await head.app.inject({ url: '/vms?offset=100000' });
  assert.deepEqual([response.statusCode, response.json(), response.headers['x-joyent-resource-count']], [200, [], '1']);
});

test('HEAD tells the number and nothing else', async () => {
  const response = await head.app.inject({ method: 'HEAD', url: `/vms?owner_uuid=${OWNER}&image_uuid=${IMAGE.uuid}` });
  assert.deepEqual([response.statusCode, response.body, response.headers['x-joyent-resource-count']], [200, '', '1']);
});

test('the states of several VMs are asked for at once', async () => {
  assert.deepEqual((await ask('GET', `/statuses?uuids=${uuid},${UNKNOWN}`)).body, { [uuid]: 'running' });
});

test('a request says where its job can be followed', async () => {
  const response = await head.app.inject({ method: 'POST', url: `/vms/${uuid}?action=reboot&sync=true`, headers: { host: 'head.example.com:8080' } });
  assert.equal(response.statusCode, 202);
  assert.equal(response.headers['workflow-api'], 'http://head.example.com:8080');
  const { job_uuid: job } = response.json() as { job_uuid: string };
  assert.equal(((await ask('GET', `/jobs/${job}`)).body as { execution?: string }).execution, 'succeeded');
});
