import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import Logger from 'bunyan';
import type { Database } from '../../../headnode/db/database.ts';
import { networksMigration } from '../../../headnode/db/migrations/021-networks.ts';
import { openDatabase } from '../../../headnode/db/open-database.ts';
import { newApp, type App } from '../../../headnode/http/app.ts';
import { networkRoutes } from '../../../headnode/networks/routes.ts';

const OWNER = randomUUID();
const NETWORK = randomUUID();
const SIX = randomUUID();
const NIC = { owner_uuid: OWNER, belongs_to_uuid: randomUUID(), belongs_to_type: 'zone' };
const GOOD = { name: 'good', subnet: '10.1.0.0/24', nic_tag: 'external', vlan_id: 5, provision_start_ip: '10.1.0.10', provision_end_ip: '10.1.0.20' };
let db: Database;
let app: App;

before(async () => {
  db = await openDatabase({ kind: 'pglite' }, [networksMigration]);
  app = newApp({ log: Logger.createLogger({ name: 'test', level: 'fatal' }) });
  networkRoutes(app, { db });
  await ask('POST', '/nic_tags', { name: 'external' });
  await ask('POST', '/networks', { ...GOOD, uuid: NETWORK, name: 'there', vlan_id: 0 });
  await ask('POST', '/networks', { uuid: SIX, name: 'six', subnet: 'fd00::/64', nic_tag: 'external', vlan_id: 0, provision_start_ip: 'fd00::10', provision_end_ip: 'fd00::20' });
  await ask('POST', '/networks/there/nics', { ...NIC, mac: '90:b8:d0:00:00:01' });
});
after(async () => {
  await app.close();
  await db.close();
});

async function ask(method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, body?: unknown): Promise<{ status: number; body: { code: string; message: string; errors?: Array<{ field: string; code: string; message: string }> } }> {
  const answer = await app.inject({ method, url, ...(body === undefined ? {} : { payload: body as object }) });
  return { status: answer.statusCode, body: answer.body === '' ? { code: '', message: '' } : answer.json() };
}

const NOT_ADDRESSES = ['10.1.0', '10.1.0.256', '010.1.0.9', '0x0a.1.0.9', '10.1.0.9 ', '10.1.0.9/24', 'fe80::1%eth0', '::ffff', '', "10.1.0.9'; DROP TABLE ips; --", 'localhost'];
const NOT_SUBNETS = ['10.1.0.0', '10.1.0.0/33', '10.1.0.0/7', '10.1.0.0/08', '10.1.0.0/-1', '10.1.0.0/', '/24', 'fd00::/129', '10.1.0.0/24/24', '10.1.0.0/24\n'];

/** What is asked, and the field and code that the answer must name. */
const REFUSED: ReadonlyArray<readonly [method: 'GET' | 'POST' | 'PUT', url: string, body: unknown, field: string, code: string]> = [
  ['POST', '/nic_tags', {}, 'name', 'MissingParameter'],
  ['POST', '/nic_tags', { name: 'a b' }, 'name', 'InvalidParameter'],
  ['POST', '/nic_tags', { name: '../etc' }, 'name', 'InvalidParameter'],
  ['POST', '/nic_tags', { name: 'x'.repeat(32) }, 'name', 'InvalidParameter'],
  ['POST', '/nic_tags', { name: 'jumbo', mtu: 9001 }, 'mtu', 'InvalidParameter'],
  ['POST', '/nic_tags', { name: 'jumbo', mtu: 'big' }, 'mtu', 'InvalidParameter'],
  ['POST', '/nic_tags', { name: 'external' }, 'name', 'Duplicate'],
  ['POST', '/networks', { ...GOOD, name: undefined }, 'name', 'MissingParameter'],
  ['POST', '/networks', { ...GOOD, name: 'there' }, 'name', 'Duplicate'],
  ['POST', '/networks', { ...GOOD, name: '\u0000' }, 'name', 'InvalidParameter'],
  ['POST', '/networks', { ...GOOD, subnett: 'x' }, 'subnett', 'UnknownParameters'],
  ['POST', '/networks', { ...GOOD, nic_tag: 'nowhere' }, 'nic_tag', 'InvalidParameter'],
  ['POST', '/networks', { ...GOOD, vlan_id: 4095 }, 'vlan_id', 'InvalidParameter'],
  ['POST', '/networks', { ...GOOD, vlan_id: -1 }, 'vlan_id', 'InvalidParameter'],
  ['POST', '/networks', { ...GOOD, subnet: '10.1.0.5/24' }, 'subnet', 'InvalidParameter'],
  ['POST', '/networks', { ...GOOD, family: 'ipv6' }, 'family', 'InvalidParameter'],
  ['POST', '/networks', { ...GOOD, vlan_id: 0, subnet: '10.1.0.0/16' }, 'subnet', 'InvalidParameter'],
  ['POST', '/networks', { ...GOOD, vlan_id: 0, subnet: '10.1.0.128/25', provision_start_ip: '10.1.0.130', provision_end_ip: '10.1.0.140' }, 'subnet', 'InvalidParameter'],
  ['POST', '/networks', { ...GOOD, provision_start_ip: '10.1.0.0' }, 'provision_start_ip', 'InvalidParameter'],
  ['POST', '/networks', { ...GOOD, provision_end_ip: '10.1.0.255' }, 'provision_end_ip', 'InvalidParameter'],
  ['POST', '/networks', { ...GOOD, provision_end_ip: '10.1.1.20' }, 'provision_end_ip', 'InvalidParameter'],
  ['POST', '/networks', { ...GOOD, provision_start_ip: '10.1.0.21' }, 'provision_end_ip', 'InvalidParameter'],
  ['POST', '/networks', { ...GOOD, subnet: 'fd00:9::/64', provision_start_ip: 'fd00:9::', provision_end_ip: 'fd00:9::9' }, 'provision_start_ip', 'InvalidParameter'],
  ['POST', '/networks', { ...GOOD, gateway: '10.2.0.1' }, 'gateway', 'InvalidParameter'],
  ['POST', '/networks', { ...GOOD, resolvers: ['8.8.8.8', 'dns.example.com'] }, 'resolvers.1', 'InvalidParameter'],
  ['POST', '/networks', { ...GOOD, routes: { 'anywhere': '10.1.0.1' } }, 'routes', 'InvalidParameter'],
  ['POST', '/networks', { ...GOOD, routes: { '10.9.0.0/16': 'fd00::1' } }, 'routes', 'InvalidParameter'],
  ['POST', '/networks', { ...GOOD, owner_uuids: ['a b'] }, 'owner_uuids.0', 'InvalidParameter'],
  ['POST', '/networks', { ...GOOD, mtu: 100 }, 'mtu', 'InvalidParameter'],
  ['PUT', '/networks/there', { subnet: '10.2.0.0/24' }, 'subnet', 'UnknownParameters'],
  ['PUT', '/networks/there', { provision_end_ip: '10.1.0.5' }, 'provision_end_ip', 'InvalidParameter'],
  ['GET', '/networks?limit=1001', undefined, 'limit', 'InvalidParameter'],
  ['GET', '/networks?limit=0', undefined, 'limit', 'InvalidParameter'],
  ['GET', '/networks?offset=-1', undefined, 'offset', 'InvalidParameter'],
  ['GET', '/networks?colour=red', undefined, 'colour', 'UnknownParameters'],
  ['GET', '/nics?belongs_to_type=dog', undefined, 'belongs_to_type.0', 'InvalidParameter'],
  ['GET', '/search/ips', undefined, 'ip', 'MissingParameter'],
  ['POST', '/network_pools', { name: 'p' }, 'networks', 'MissingParameter'],
  ['POST', '/network_pools', { name: 'p', networks: [] }, 'networks', 'InvalidParameter'],
  ['POST', '/network_pools', { name: 'p', networks: [randomUUID()] }, 'networks', 'InvalidParameter'],
  ['POST', '/network_pools', { name: 'p', networks: [NETWORK, NETWORK] }, 'networks', 'InvalidParameter'],
  ['POST', '/network_pools', { name: 'p', networks: [NETWORK, SIX] }, 'networks', 'InvalidParameter'],
  ['POST', '/network_pools', { name: 'there', networks: [NETWORK] }, 'name', 'Duplicate'],
  ['POST', '/networks/there/nics', {}, 'owner_uuid', 'MissingParameter'],
  ['POST', '/networks/there/nics', { ...NIC, belongs_to_type: 'dog' }, 'belongs_to_type', 'InvalidParameter'],
  ['POST', '/networks/there/nics', { ...NIC, mac: '90:b8:d0:00:00' }, 'mac', 'InvalidParameter'],
  ['POST', '/networks/there/nics', { ...NIC, mac: '90b8d0000001' }, 'mac', 'Duplicate'],
  ['POST', '/networks/there/nics', { ...NIC, ip: '10.1.0.10' }, 'ip', 'InUse'],
  ['POST', '/networks/there/nics', { ...NIC, ip: '10.1.1.1' }, 'ip', 'InvalidParameter'],
  ['POST', '/networks/there/nics', { ...NIC, nic_tags_available: ['other'] }, 'nic_tags_available', 'InvalidParameter'],
  ['POST', '/nics', { ...NIC }, 'mac', 'MissingParameter'],
  ['POST', '/nics', { ...NIC, mac: '90:b8:d0:00:00:09', ip: '172.16.0.1' }, 'ip', 'InvalidParameter'],
  ['PUT', '/nics/90b8d0000001', { state: 'flying' }, 'state', 'InvalidParameter'],
  ['PUT', '/networks/there/ips/10.2.0.1', { reserved: true }, 'ip', 'InvalidParameter'],
  ['PUT', '/networks/there/ips/10.1.0.50', { reserved: 'perhaps' }, 'reserved', 'InvalidParameter'],
  ['PUT', '/networks/there/ips/10.1.0.50', { belongs_to_uuid: randomUUID() }, 'belongs_to_type', 'MissingParameter'],
  ...NOT_ADDRESSES.map((text) => ['POST', '/networks', { ...GOOD, gateway: text }, 'gateway', 'InvalidParameter'] as const),
  ...NOT_ADDRESSES.map((text) => ['POST', '/networks/there/nics', { ...NIC, ip: text }, 'ip', 'InvalidParameter'] as const),
  ...NOT_SUBNETS.map((text) => ['POST', '/networks', { ...GOOD, subnet: text }, 'subnet', 'InvalidParameter'] as const),
];

for (const [method, url, body, field, code] of REFUSED) {
  test(`${method} ${url} ${JSON.stringify(body) ?? ''} is refused for ${field}`, async () => {
    const before = await everything();
    const answer = await ask(method, url, body);
    assert.equal(answer.status, 422, JSON.stringify(answer.body));
    assert.equal(answer.body.code, 'InvalidParameters');
    const named = answer.body.errors?.find((error) => error.field === field);
    assert.equal(named?.code, code, JSON.stringify(answer.body));
    assert.ok(answer.body.message.includes(named.message));
    assert.deepEqual(await everything(), before);
  });
}

const ABSENT: ReadonlyArray<readonly ['GET' | 'PUT' | 'DELETE', string]> = [
  ['GET', '/nic_tags/nothing'],
  ['PUT', '/nic_tags/nothing'],
  ['DELETE', '/nic_tags/nothing'],
  ['GET', '/networks/nothing'],
  ['GET', `/networks/${randomUUID()}`],
  ['GET', "/networks/'%20OR%201=1"],
  ['DELETE', `/networks/${randomUUID()}`],
  ['GET', `/network_pools/${randomUUID()}`],
  ['GET', '/nics/90b8d0ffffff'],
  ['GET', '/nics/not-a-mac'],
  ['DELETE', '/nics/90b8d0ffffff'],
  ['GET', '/networks/there/ips/10.2.0.1'],
  ['GET', '/networks/there/ips/there'],
  ['GET', '/networks/nothing/ips'],
  ['GET', '/search/ips?ip=172.16.0.1'],
];
for (const [method, url] of ABSENT) {
  test(`${method} ${url} is not found`, async () => {
    const answer = await ask(method, url, method === 'PUT' ? { mtu: 1500 } : undefined);
    assert.deepEqual([answer.status, answer.body.code], [404, 'ResourceNotFound']);
  });
}

test('the address of a nic cannot be taken from it by unassigning or assigning it', async () => {
  for (const change of [{ unassign: true }, { belongs_to_uuid: randomUUID(), belongs_to_type: 'other' }]) {
    const answer = await ask('PUT', '/networks/there/ips/10.1.0.10', change);
    assert.deepEqual([answer.status, answer.body.code], [422, 'InUse']);
  }
});

test('paging past the end is an empty list', async () => {
  for (const url of ['/networks', '/nics', '/nic_tags', '/network_pools', '/networks/there/ips']) {
    const answer = await ask('GET', `${url}?offset=100000&limit=10`);
    assert.deepEqual([answer.status, answer.body], [200, []]);
  }
});

test('values that arrive as text are taken for what they are', async () => {
  const made = await app.inject({ method: 'POST', url: '/networks', payload: { ...GOOD, name: 'text', vlan_id: '77', resolvers: '8.8.8.8,1.1.1.1', mtu: '1400' } });
  assert.equal(made.statusCode, 200, made.body);
  const { vlan_id, resolvers, mtu } = made.json<{ vlan_id: number; resolvers: string[]; mtu: number }>();
  assert.deepEqual({ vlan_id, resolvers, mtu }, { vlan_id: 77, resolvers: ['8.8.8.8', '1.1.1.1'], mtu: 1400 });
  assert.equal((await app.inject({ method: 'DELETE', url: '/networks/text' })).statusCode, 204);
});

test('two networks may have one subnet on different VLANs, and two that overlap cannot be made at one moment', async () => {
  const answers = await Promise.all([1, 2, 3].map((count) => ask('POST', '/networks', { ...GOOD, name: `race${count}`, vlan_id: 99 })));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 422, 422]);
});

async function everything(): Promise<unknown> {
  return await Promise.all(['nic_tags', 'networks', 'network_pools', 'nics', 'ips'].map((table) => db.query(`SELECT * FROM ${table} ORDER BY 1, 2`)));
}
