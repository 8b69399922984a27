import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { Database } from '../../../headnode/db/database.ts';
import { networksMigration } from '../../../headnode/db/migrations/021-networks.ts';
import { openDatabase } from '../../../headnode/db/open-database.ts';
import { updateIp } from '../../../headnode/networks/ips.ts';
import { createNetwork, updateNetwork } from '../../../headnode/networks/networks.ts';
import { createNicTag } from '../../../headnode/networks/nic-tags.ts';
import { deleteNic } from '../../../headnode/networks/nics.ts';
import { openNetworks } from '../../../headnode/networks/open-networks.ts';
import { createPool } from '../../../headnode/networks/pools.ts';
import type { Networks } from '../../../headnode/services.ts';

const OWNER = randomUUID();
let db: Database;
let networks: Networks;
let subnets = 0;

before(async () => {
  db = await openDatabase({ kind: 'pglite' }, [networksMigration]);
  networks = openNetworks({ db });
  await createNicTag(db, { name: 'external' });
  await createNicTag(db, { name: 'internal' });
});
after(() => db.close());

/** A network of its own with the addresses .`first` to .`last`. */
async function network({ first = 10, last = 20, tag = 'external', ...more }: { first?: number; last?: number; tag?: string } & Record<string, unknown> = {}) {
  const net = `10.9.${(subnets += 1)}`;
  return await createNetwork(db, { name: `net${subnets}`, subnet: `${net}.0/24`, nic_tag: tag, vlan_id: 0, provision_start_ip: `${net}.${first}`, provision_end_ip: `${net}.${last}`, ...more });
}

async function provision(id: string, { vm = randomUUID(), index = 0, ...more }: { vm?: string; index?: number } & Partial<Parameters<Networks['provisionNic']>[1]> = {}) {
  return await networks.provisionNic(id, { ownerUuid: OWNER, belongsToUuid: vm, belongsToType: 'zone', index, ...more });
}

function lastByte(nic: Readonly<Record<string, unknown>>): number {
  return Number(String(nic['ip']).split('.').at(-1));
}

test('addresses are given out from the lowest on, passing over reserved ones', async () => {
  const { uuid, subnet } = await network({ first: 10, last: 14, gateway: undefined });
  await updateIp(db, { network: uuid, ip: subnet.replace('0/24', '11') }, { reserved: true });
  const given = [await provision(uuid), await provision(uuid), await provision(uuid)].map(lastByte);
  assert.deepEqual(given, [10, 12, 13]);
});

test('the gateway and resolvers of a network are never given out', async () => {
  const { uuid, subnet } = await network({ first: 1, last: 5 });
  const net = subnet.replace('.0/24', '');
  await updateNetwork(db, uuid, { gateway: `${net}.1`, resolvers: [`${net}.3`, '8.8.8.8'] });
  const given = [await provision(uuid), await provision(uuid)].map(lastByte);
  assert.deepEqual(given, [2, 4]);
});

test('a freed address is used again only when every other one was used, the one freed longest ago first', async () => {
  const { uuid } = await network({ first: 10, last: 13 });
  const nics = [await provision(uuid), await provision(uuid), await provision(uuid)];
  await deleteNic(db, String(nics[1]?.['mac']));
  await deleteNic(db, String(nics[0]?.['mac']));
  const later = [await provision(uuid), await provision(uuid), await provision(uuid)].map(lastByte);
  assert.deepEqual(later, [13, 11, 10]);
  await assert.rejects(provision(uuid), { code: 'SubnetFull' });
});

test('asking twice for one nic gives one nic', async () => {
  const { uuid } = await network();
  const vm = randomUUID();
  const both = await Promise.all([provision(uuid, { vm }), provision(uuid, { vm })]);
  assert.equal(both[0]['mac'], both[1]['mac']);
  assert.equal(both[0]['ip'], both[1]['ip']);
  const third = await provision(uuid, { vm, index: 1 });
  assert.notEqual(third['mac'], both[0]['mac']);
  assert.equal((await networks.nicsOf(vm)).length, 2);
});

test('the same key on another network is refused, since it is another nic', async () => {
  const [one, other] = [await network(), await network()];
  const vm = randomUUID();
  await provision(one.uuid, { vm });
  await assert.rejects(provision(other.uuid, { vm }), { code: 'InvalidParameters' });
});

test('100 nics at the same moment have 100 addresses and 100 MACs', async () => {
  const { uuid } = await network({ first: 1, last: 100 });
  const nics = await Promise.all(Array.from({ length: 100 }, () => provision(uuid)));
  assert.equal(new Set(nics.map(({ ip }) => ip)).size, 100);
  assert.equal(new Set(nics.map(({ mac }) => mac)).size, 100);
  assert.ok(nics.every(({ mac }) => /^90:b8:d0(:[0-9a-f]{2}){3}$/.test(String(mac))));
  await assert.rejects(provision(uuid), { code: 'SubnetFull' });
});

test('releasing a VM frees all of its addresses', async () => {
  const { uuid } = await network({ first: 10, last: 11 });
  const vm = randomUUID();
  await provision(uuid, { vm, index: 0 });
  await provision(uuid, { vm, index: 1 });
  await networks.releaseNics(vm);
  assert.deepEqual(await networks.nicsOf(vm), []);
  assert.deepEqual([lastByte(await provision(uuid)), lastByte(await provision(uuid))], [10, 11]);
});

test('a given address is taken, inside the provision range or not, and refused to another one', async () => {
  const { uuid, subnet } = await network({ first: 10, last: 12 });
  const ip = subnet.replace('0/24', '77');
  assert.equal((await provision(uuid, { ip }))['ip'], ip);
  await assert.rejects(provision(uuid, { ip }), (error: { code: string; errors: unknown }) => {
    assert.equal(error.code, 'InvalidParameters');
    assert.match(JSON.stringify(error.errors), /"field":"ip","code":"InUse"/);
    return true;
  });
  await assert.rejects(provision(uuid, { ip: '192.168.1.1' }), { code: 'InvalidParameters' });
});

test('an address that was taken by name is passed over when its turn comes', async () => {
  const { uuid, subnet } = await network({ first: 10, last: 13 });
  await provision(uuid, { ip: subnet.replace('0/24', '11') });
  assert.deepEqual([lastByte(await provision(uuid)), lastByte(await provision(uuid))], [10, 12]);
});

test('a pool gives an address of the first network that has one and whose tag the server has', async () => {
  const [first, second, inside] = [await network({ first: 10, last: 10 }), await network({ first: 10, last: 10 }), await network({ first: 10, last: 20, tag: 'internal' })];
  const pool = await createPool(db, { name: 'pool', networks: [first.uuid, second.uuid, inside.uuid] });
  const nics = [await provision(pool.uuid), await provision(pool.uuid), await provision(pool.uuid)];
  assert.deepEqual(nics.map(({ network_uuid }) => network_uuid), [first.uuid, second.uuid, inside.uuid]);
  await assert.rejects(provision(pool.uuid, { nicTagsAvailable: ['external'] }), { code: 'SubnetFull' });
  await assert.rejects(provision(pool.uuid, { nicTagsAvailable: ['storage'] }), { code: 'InvalidParameters' });
  assert.equal((await provision(pool.uuid, { nicTagsAvailable: ['internal'] }))['network_uuid'], inside.uuid);
});

test('a network of IPv6 gives addresses with their prefix', async () => {
  const { uuid } = await createNetwork(db, { name: 'six', subnet: 'fd00:1::/64', nic_tag: 'external', vlan_id: 6, provision_start_ip: 'fd00:1::ffff', provision_end_ip: 'fd00:1:0:0:ffff:ffff:ffff:fffe', gateway: 'fd00:1::1' });
  const nics = [await provision(uuid), await provision(uuid)];
  assert.deepEqual(nics.map(({ ip }) => ip), ['fd00:1::ffff', 'fd00:1::1:0']);
  assert.deepEqual(nics[0]?.['ips'], ['fd00:1::ffff/64']);
});

test('a /16 has no row for addresses that were never used, and finds the next one behind ten thousand used ones', async () => {
  const { uuid } = await createNetwork(db, { name: 'wide', subnet: '10.200.0.0/16', nic_tag: 'external', vlan_id: 16, provision_start_ip: '10.200.0.1', provision_end_ip: '10.200.255.254' });
  await db.query("INSERT INTO ips (network_uuid, ip, belongs_to_type, belongs_to_uuid) SELECT $1, '10.200.0.0'::inet + n, 'other', gen_random_uuid() FROM generate_series(1, 10000) AS n", [uuid]);
  assert.equal((await provision(uuid))['ip'], '10.200.39.17');
  const [row] = await db.query<{ next: string; rows: number }>('SELECT host(next_address) AS next, (SELECT count(*) FROM ips WHERE network_uuid = $1) AS rows FROM networks WHERE uuid = $1', [uuid]);
  assert.deepEqual(row, { next: '10.200.39.18', rows: 10_001 });
});

test('a provision range that moves is counted through anew', async () => {
  const { uuid, subnet } = await network({ first: 10, last: 11 });
  await provision(uuid);
  await provision(uuid);
  await updateNetwork(db, uuid, { provision_start_ip: subnet.replace('0/24', '8') });
  assert.deepEqual([lastByte(await provision(uuid)), lastByte(await provision(uuid))], [8, 9]);
  await assert.rejects(provision(uuid), { code: 'SubnetFull' });
});
