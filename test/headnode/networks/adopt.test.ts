import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import type { Database } from '../../../headnode/db/database.ts';
import { serversMigration } from '../../../headnode/db/migrations/001-servers.ts';
import { networksMigration } from '../../../headnode/db/migrations/021-networks.ts';
import { openDatabase } from '../../../headnode/db/open-database.ts';
import { getIp } from '../../../headnode/networks/ips.ts';
import { createNetwork } from '../../../headnode/networks/networks.ts';
import { getNicTag, listNicTags } from '../../../headnode/networks/nic-tags.ts';
import { openNetworks } from '../../../headnode/networks/open-networks.ts';
import { createPool } from '../../../headnode/networks/pools.ts';
import type { Networks } from '../../../headnode/services.ts';
import { parseNetworking } from '../../../host/net/networking.ts';
import { server as anyServer } from '../placement/servers.ts';

const SERVER = randomUUID();
const OWNER = randomUUID();
let db: Database;
let networks: Networks;
let admin: string;
let external: string;

before(async () => {
  db = await openDatabase({ kind: 'pglite' }, [serversMigration, networksMigration]);
  networks = openNetworks({ db });
});
beforeEach(async () => {
  await db.query('DELETE FROM nics');
  await db.query('DELETE FROM network_pools');
  await db.query('DELETE FROM networks');
  await db.query('DELETE FROM nic_tags');
  await db.query("INSERT INTO nic_tags (name, uuid, mtu) VALUES ('admin', gen_random_uuid(), 1500), ('external', gen_random_uuid(), 9000)");
  admin = (await createNetwork(db, { name: 'admin', subnet: '10.77.0.0/24', nic_tag: 'admin', vlan_id: 0, provision_start_ip: '10.77.0.10', provision_end_ip: '10.77.0.20', gateway: '10.77.0.1', resolvers: ['10.77.0.2'] })).uuid;
  external = (await createNetwork(db, { name: 'external', subnet: 'fd00::/64', nic_tag: 'external', vlan_id: 4, provision_start_ip: 'fd00::10', provision_end_ip: 'fd00::20' })).uuid;
});
after(() => db.close());

/** A VM as its node tells it. */
function vm(nics: ReadonlyArray<Readonly<Record<string, unknown>>>, more: Readonly<Record<string, unknown>> = {}) {
  return { uuid: randomUUID(), owner_uuid: OWNER, brand: 'lx', state: 'running', nics, ...more };
}
const FIRST = { mac: '90:b8:d0:00:00:01', nic_tag: 'admin', ip: '10.77.0.10', ips: ['10.77.0.10/24'], primary: true };

test('the nics of a VM that was made on its node are known, and their addresses used', async () => {
  const told = vm([FIRST, { mac: '90:b8:d0:00:00:02', nic_tag: 'external', vlan_id: 4, ips: ['fd00:0::0010/64', 'dhcp', 'fd00::12/64'] }]);
  assert.deepEqual(await networks.adopt(told, SERVER), []);
  const nics = await networks.nicsOf(told.uuid);
  assert.deepEqual(nics.map(({ mac, ip, network_uuid, primary, state, cn_uuid }) => ({ mac, ip, network_uuid, primary, state, cn_uuid })), [
    { mac: '90:b8:d0:00:00:01', ip: '10.77.0.10', network_uuid: admin, primary: true, state: 'running', cn_uuid: SERVER },
    { mac: '90:b8:d0:00:00:02', ip: 'fd00::10', network_uuid: external, primary: false, state: 'running', cn_uuid: SERVER },
  ]);
  const next = await networks.provisionNic('external', { ownerUuid: OWNER, belongsToUuid: randomUUID(), belongsToType: 'zone', index: 0 });
  const afterNext = await networks.provisionNic('external', { ownerUuid: OWNER, belongsToUuid: randomUUID(), belongsToType: 'zone', index: 0 });
  assert.deepEqual([next['ip'], afterNext['ip']], ['fd00::11', 'fd00::13']);
});

test('a nic that was provisioned here becomes running when its node tells it, and keeps its key', async () => {
  const uuid = randomUUID();
  const nic = await networks.provisionNic('admin', { ownerUuid: OWNER, belongsToUuid: uuid, belongsToType: 'zone', index: 0, primary: true });
  await networks.adopt(vm([], { uuid }), SERVER);
  assert.equal((await networks.nicsOf(uuid))[0]?.['state'], 'provisioning');
  await networks.adopt(vm([nic], { uuid }), SERVER);
  assert.equal((await networks.nicsOf(uuid))[0]?.['state'], 'running');
  const again = await networks.provisionNic('admin', { ownerUuid: OWNER, belongsToUuid: uuid, belongsToType: 'zone', index: 0 });
  assert.deepEqual([again['mac'], again['ip']], [nic['mac'], nic['ip']]);
});

test('a nic that is gone from its VM gives its address back', async () => {
  const told = vm([FIRST]);
  await networks.adopt(told, SERVER);
  assert.equal((await getIp(db, admin, '10.77.0.10'))['free'], false);
  await networks.adopt({ ...told, nics: [] }, SERVER);
  assert.deepEqual(await networks.nicsOf(told.uuid), []);
  assert.equal((await getIp(db, admin, '10.77.0.10'))['free'], true);
});

test('an address that changed on the node changes here', async () => {
  const told = vm([FIRST]);
  await networks.adopt(told, SERVER);
  await networks.adopt({ ...told, nics: [{ ...FIRST, ip: '10.77.0.15', ips: ['10.77.0.15/24'] }] }, SERVER);
  assert.equal((await networks.nicsOf(told.uuid))[0]?.['ip'], '10.77.0.15');
  assert.equal((await getIp(db, admin, '10.77.0.10'))['free'], true);
  assert.equal((await getIp(db, admin, '10.77.0.15'))['belongs_to_uuid'], told.uuid);
});

test('telling the same again writes nothing', async () => {
  const told = vm([FIRST, { mac: '90:b8:d0:00:00:05', nic_tag: 'admin', ips: ['dhcp'] }]);
  await networks.adopt(told, SERVER);
  const versions = async () => await db.query('SELECT xmin::text, mac FROM nics ORDER BY mac');
  const before = await versions();
  await networks.adopt(told, SERVER);
  assert.deepEqual(await versions(), before);
});

test("another VM's address and nic stay its own, and the report says so", async () => {
  const [first, second] = [vm([FIRST]), vm([{ ...FIRST, mac: '90:b8:d0:00:00:09' }, FIRST])];
  await networks.adopt(first, SERVER);
  assert.deepEqual(await networks.adopt(second, SERVER), [
    `address 10.77.0.10 of ${second.uuid} belongs to another one`,
    `nic 90:b8:d0:00:00:01 of ${second.uuid} is known as somebody else's`,
  ]);
  assert.equal((await getIp(db, admin, '10.77.0.10'))['belongs_to_uuid'], first.uuid);
});

test('nonsense in a report is passed over', async () => {
  assert.deepEqual(await networks.adopt({}, SERVER), []);
  assert.deepEqual(await networks.adopt({ uuid: 'x', nics: [FIRST] }, SERVER), []);
  const told = vm([{ mac: 'junk' }, { mac: '90:b8:d0:00:00:0a', nic_tag: 5, ips: ['nowhere', 7], ip: {} }]);
  assert.deepEqual(await networks.adopt(told, SERVER), []);
  assert.deepEqual((await networks.nicsOf(told.uuid)).map(({ mac }) => mac), ['90:b8:d0:00:00:0a']);
});

test("a server's nics are known from its sysinfo, tags that nobody knew are made, and its networking.json says it all", async () => {
  const sysinfo = {
    'Admin NIC Tag': 'admin',
    'Network Interfaces': {
      eth0: { 'MAC Address': '00:11:22:33:44:55', ip4addr: '10.77.0.5', 'Link Status': 'up', 'NIC Names': ['admin'] },
      eth1: { 'MAC Address': '00:11:22:33:44:66', ip4addr: '', 'Link Status': 'up', 'NIC Names': ['external', 'storage'] },
    },
  };
  const server = anyServer({ uuid: SERVER, sysinfo });
  await networks.adoptServer(server);
  await networks.adoptServer(server);
  assert.deepEqual((await listNicTags(db)).map(({ name }) => name), ['admin', 'external', 'storage']);
  const tag = async (name: string) => await getNicTag(db, name);
  const networking = await networks.networkingOf(SERVER, { hostname: 'n1', datacenterName: 'dc', dnsDomain: 'example.com' });
  assert.deepEqual(networking, {
    nictags: [
      { ...(await tag('admin')), mac: '00:11:22:33:44:55' },
      { ...(await tag('external')), mac: '00:11:22:33:44:66' },
      { ...(await tag('storage')), mac: '00:11:22:33:44:66' },
    ],
    admin_tag: 'admin',
    resolvers: ['10.77.0.2'],
    routes: {},
    vnics: [
      {
        mac: '00:11:22:33:44:55', primary: true, owner_uuid: '00000000-0000-0000-0000-000000000000', belongs_to_uuid: SERVER, belongs_to_type: 'server', state: 'running', cn_uuid: SERVER,
        nic_tag: 'admin', vlan_id: 0, nic_tags_provided: ['admin'], mtu: 1500, network_uuid: admin, resolvers: ['10.77.0.2'], gateway: '10.77.0.1', gateways: ['10.77.0.1'],
        ip: '10.77.0.5', netmask: '255.255.255.0', ips: ['10.77.0.5/24'],
      },
    ],
    aggregations: [],
    nictag_rules: [],
    hostname: 'n1',
    datacenter_name: 'dc',
    dns_domain: 'example.com',
  });
  assert.deepEqual(await networks.networkingOf(SERVER, { hostname: 'n1', datacenterName: 'dc', dnsDomain: 'example.com' }), networking);
});

test("a server's aggregations are part of its networking.json, with the tags that they provide", async () => {
  const sysinfo = {
    'Network Interfaces': {
      aggr0: { 'MAC Address': '00:11:22:33:44:81', ip4addr: '10.77.0.8', 'NIC Names': ['admin'] },
      eth0: { 'MAC Address': '00:11:22:33:44:81', ip4addr: '', 'NIC Names': [] },
      eth1: { 'MAC Address': '00:11:22:33:44:82', ip4addr: '', 'NIC Names': [] },
    },
    'Link Aggregations': { aggr0: { 'LACP mode': 'active', Interfaces: ['eth0', 'eth1'] } },
  };
  const uuid = randomUUID();
  await db.query("INSERT INTO servers (uuid, hostname, setup, sysinfo) VALUES ($1, 'n1', true, $2::jsonb)", [uuid, JSON.stringify(sysinfo)]);
  await networks.adoptServer(anyServer({ uuid, sysinfo }));
  const document = parseNetworking(await networks.networkingOf(uuid));
  assert.deepEqual(document.aggregations, [{ name: 'aggr0', lacp_mode: 'active', macs: ['00:11:22:33:44:81', '00:11:22:33:44:82'], nic_tags_provided: ['admin'] }]);
  assert.deepEqual(document.nictags.map(({ name, mac }) => [name, mac]), [['admin', undefined]]);
  assert.deepEqual(document.vnics.map(({ mac, ip }) => [mac, ip]), [['00:11:22:33:44:81', '10.77.0.8']]);
});

test("a server's networking.json is one that nodes take, whatever its networks have", async () => {
  const dual = await createNetwork(db, { name: 'dual', subnet: 'fd00:88::/64', nic_tag: 'external', vlan_id: 0, provision_start_ip: 'fd00:88::10', provision_end_ip: 'fd00:88::20', resolvers: ['fd00:88::1'] });
  const routed = await createNetwork(db, { name: 'routed', subnet: '10.79.0.0/24', nic_tag: 'external', vlan_id: 7, provision_start_ip: '10.79.0.10', provision_end_ip: '10.79.0.20', gateway: '10.79.0.1', mtu: 1400, routes: { '10.99.0.9': '10.79.0.3', '10.100.0.0/16': '10.79.0.2' } });
  const eth0 = { 'MAC Address': '00:11:22:33:44:77', ip4addr: '10.77.0.7', 'NIC Names': ['admin'] };
  const eth1 = { 'MAC Address': '00:11:22:33:44:78', ip4addr: '', 'NIC Names': ['external'] };
  await networks.adoptServer(anyServer({ uuid: SERVER, sysinfo: { 'Network Interfaces': { eth0, eth1 } } }));
  for (const [index, network] of [dual.uuid, routed.uuid].entries()) await networks.provisionNic(network, { ownerUuid: OWNER, belongsToUuid: SERVER, belongsToType: 'server', index: 3 + index, cnUuid: SERVER });
  const document = parseNetworking(await networks.networkingOf(SERVER, { hostname: 'n1' }));
  assert.ok(document.vnics.some(({ ip }) => ip === '10.77.0.7'));
  assert.deepEqual(document.vnics.filter(({ vlan_id }) => vlan_id === 7).map(({ ip, gateway, mtu }) => [ip, gateway, mtu]), [['10.79.0.10', '10.79.0.1', 1400]]);
  assert.deepEqual(document.routes, { '10.99.0.9/32': '10.79.0.3', '10.100.0.0/16': '10.79.0.2' });
  assert.ok(document.vnics.every(({ ip }) => !ip.includes(':')));
});

test('a pool gives a network that the server is on', async () => {
  const inside = await createNetwork(db, { name: 'inside', subnet: '10.78.0.0/24', nic_tag: 'external', vlan_id: 0, provision_start_ip: '10.78.0.10', provision_end_ip: '10.78.0.20' });
  await createPool(db, { name: 'either', networks: [admin, inside.uuid] });
  const eth0 = { 'MAC Address': '00:11:22:33:44:66', ip4addr: '', 'Link Status': 'up', 'NIC Names': ['external'] };
  await networks.adoptServer(anyServer({ uuid: SERVER, sysinfo: { 'Network Interfaces': { eth0 } } }));
  const there = await networks.provisionNic('either', { ownerUuid: OWNER, belongsToUuid: randomUUID(), belongsToType: 'zone', index: 0, cnUuid: SERVER });
  const elsewhere = await networks.provisionNic('either', { ownerUuid: OWNER, belongsToUuid: randomUUID(), belongsToType: 'zone', index: 0 });
  assert.deepEqual([there['network_uuid'], elsewhere['network_uuid']], [inside.uuid, admin]);
});

test('a nic that an operator gave a server stays, though the server does not have it yet', async () => {
  const nic = await networks.provisionNic('admin', { ownerUuid: OWNER, belongsToUuid: SERVER, belongsToType: 'server', index: 0 });
  await db.query("UPDATE nics SET state = 'running' WHERE mac = $1", [nic['mac']]);
  await networks.adoptServer(anyServer({ uuid: SERVER }));
  assert.ok((await networks.nicsOf(SERVER)).some(({ mac }) => mac === nic['mac']));
});
