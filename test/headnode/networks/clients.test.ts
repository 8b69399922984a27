/** The `sdc-clients` package, as its users install it, against NAPI and CNAPI's placement over HTTP. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import Logger from 'bunyan';
import type { Database } from '../../../headnode/db/database.ts';
import { networksMigration } from '../../../headnode/db/migrations/021-networks.ts';
import { placementMigration } from '../../../headnode/db/migrations/020-placement.ts';
import { openDatabase } from '../../../headnode/db/open-database.ts';
import { newApp, type App } from '../../../headnode/http/app.ts';
import { pingRoutes } from '../../../headnode/http/ping.ts';
import { networkRoutes } from '../../../headnode/networks/routes.ts';
import { openPlacement } from '../../../headnode/placement/open-placement.ts';
import { placementRoutes } from '../../../headnode/placement/routes.ts';
import { server, toldServers } from '../placement/servers.ts';

type Answer = Record<string, unknown> & { readonly uuid: string };
type Callback = (error: (Error & { restCode?: string; statusCode?: number; body?: { errors?: unknown } }) | null, answer: Answer) => void;
type Client = Readonly<Record<string, (...args: unknown[]) => void>> & { close?(): void };

const OWNER = '930896af-bf8c-48d4-885c-6573a94b1853';
const node = server();
let db: Database;
let app: App;
let napi: Client;
let cnapi: Client;

before(async () => {
  db = await openDatabase({ kind: 'pglite' }, [placementMigration, networksMigration]);
  app = newApp({ log: Logger.createLogger({ name: 'test', level: 'fatal' }) });
  pingRoutes(app, { database: db });
  networkRoutes(app, { db });
  placementRoutes(app, { placement: openPlacement({ db, servers: toldServers([node]) }) });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const clients = createRequire(join(import.meta.dirname, '../clients/package.json'))('sdc-clients') as { NAPI: new (options: object) => Client; CNAPI: new (options: object) => Client };
  napi = new clients.NAPI({ url, agent: false });
  cnapi = new clients.CNAPI({ url, agent: false });
});
after(async () => {
  await app.close();
  await db.close();
});

async function call(client: Client, method: string, ...args: unknown[]): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const done: Callback = (error, answer) => (error ? reject(error) : resolve(answer));
    client[method]?.(...args, done);
  });
}

async function asArray(promise: Promise<unknown>): Promise<Answer[]> {
  const answer = await promise;
  assert.ok(Array.isArray(answer));
  return answer as Answer[];
}

async function failure(promise: Promise<unknown>): Promise<{ status: unknown; code: unknown; errors: unknown }> {
  return await promise.then(
    () => assert.fail('it succeeded'),
    ({ statusCode, restCode, body }) => ({ status: statusCode, code: restCode, errors: body?.errors }),
  );
}

test('ping says that it is well, and whether there are fabrics', async () => {
  const { status, healthy, config } = await call(napi, 'ping');
  assert.deepEqual([status, healthy, config], ['OK', true, { fabrics_enabled: false }]);
});

test('nic tags: create, list, get, update, delete', async () => {
  const tag = await call(napi, 'createNicTag', 'storage', { mtu: 9000 });
  assert.equal(tag['name'], 'storage');
  assert.equal(tag['mtu'], 9000);
  assert.deepEqual(await call(napi, 'getNicTag', 'storage'), tag);
  assert.deepEqual(await asArray(call(napi, 'listNicTags', {})), [tag]);
  assert.equal((await call(napi, 'updateNicTag', 'storage', { mtu: 1500 }))['mtu'], 1500);
  assert.deepEqual(await failure(call(napi, 'createNicTag', 'storage', {})), { status: 422, code: 'InvalidParameters', errors: [{ field: 'name', code: 'Duplicate', message: 'storage exists already, or its uuid does' }] });
  await call(napi, 'deleteNicTag', 'storage');
  assert.deepEqual(await failure(call(napi, 'getNicTag', 'storage')), { status: 404, code: 'ResourceNotFound', errors: undefined });
});

test('networks, nics and addresses, from the first tag to the last delete', async () => {
  await call(napi, 'createNicTag', 'external', {});
  const parameters = { name: 'public', subnet: '192.0.2.0/24', nic_tag: 'external', vlan_id: 0, provision_start_ip: '192.0.2.10', provision_end_ip: '192.0.2.250', gateway: '192.0.2.1', resolvers: ['192.0.2.2', '8.8.8.8'], routes: { '198.51.100.0/24': '192.0.2.3' } };
  const network = await call(napi, 'createNetwork', parameters);
  assert.deepEqual({ family: network['family'], netmask: network['netmask'], mtu: network['mtu'], ...pick(network, Object.keys(parameters)) }, { family: 'ipv4', netmask: '255.255.255.0', mtu: 1500, ...parameters });
  assert.deepEqual(await call(napi, 'getNetwork', network.uuid), network);
  assert.deepEqual(await asArray(call(napi, 'listNetworks', { provisionable_by: OWNER })), [network]);
  assert.deepEqual(await asArray(call(napi, 'listNetworks', { name: 'other' })), []);

  const vm = randomUUID();
  const nic = await call(napi, 'provisionNic', network.uuid, { owner_uuid: OWNER, belongs_to_uuid: vm, belongs_to_type: 'zone', state: 'provisioning', nic_tags_available: ['external'], cn_uuid: node.uuid, primary: 'true' });
  assert.match(String(nic['mac']), /^90:b8:d0/);
  assert.deepEqual(pick(nic, ['ip', 'netmask', 'gateway', 'nic_tag', 'vlan_id', 'primary', 'state', 'belongs_to_uuid', 'network_uuid', 'resolvers', 'routes']), {
    ip: '192.0.2.10', netmask: '255.255.255.0', gateway: '192.0.2.1', nic_tag: 'external', vlan_id: 0, primary: true, state: 'provisioning', belongs_to_uuid: vm, network_uuid: network.uuid,
    resolvers: ['192.0.2.2', '8.8.8.8'], routes: { '198.51.100.0/24': '192.0.2.3' },
  });
  assert.deepEqual(await call(napi, 'getNic', nic['mac']), nic);
  assert.deepEqual(await asArray(call(napi, 'listNics', { belongs_to_uuid: vm })), [nic]);
  assert.deepEqual(await asArray(call(napi, 'getNics', vm)), [nic]);
  assert.equal((await call(napi, 'updateNic', nic['mac'], { state: 'running' }))['state'], 'running');
  const other = await call(napi, 'createNic', '00:50:56:00:00:01', { owner_uuid: OWNER, belongs_to_uuid: randomUUID(), belongs_to_type: 'other' });
  assert.equal(other['mac'], '00:50:56:00:00:01');

  const ips = await asArray(call(napi, 'listIPs', network.uuid));
  assert.deepEqual(ips.map(({ ip, reserved, free }) => [ip, reserved, free]), [['192.0.2.1', true, false], ['192.0.2.2', true, false], ['192.0.2.10', false, false]]);
  assert.deepEqual(await call(napi, 'getIP', network.uuid, '192.0.2.77'), { ip: '192.0.2.77', network_uuid: network.uuid, reserved: false, free: true });
  assert.equal((await call(napi, 'updateIP', network.uuid, '192.0.2.11', { reserved: true }))['reserved'], true);
  assert.equal((await asArray(call(napi, 'searchIPs', '192.0.2.10')))[0]?.['belongs_to_uuid'], vm);
  assert.deepEqual(await failure(call(napi, 'deleteNetwork', network.uuid)), { status: 422, code: 'InUse', errors: undefined });
  assert.equal((await failure(call(napi, 'deleteNicTag', 'external'))).code, 'InUse');

  await call(napi, 'deleteNic', nic['mac']);
  assert.equal((await call(napi, 'getIP', network.uuid, '192.0.2.10'))['free'], true);
  await call(napi, 'deleteNetwork', network.uuid);
  assert.equal((await failure(call(napi, 'getNetwork', network.uuid))).status, 404);
});

test('network pools: create, get, list, provision from, delete', async () => {
  const networks = await Promise.all(['a', 'b'].map((name, index) => call(napi, 'createNetwork', { name, subnet: `10.7.${index}.0/24`, nic_tag: 'external', vlan_id: 7, provision_start_ip: `10.7.${index}.5`, provision_end_ip: `10.7.${index}.5` })));
  const uuids = networks.map(({ uuid }) => uuid);
  const pool = await call(napi, 'createNetworkPool', 'both', { networks: uuids });
  assert.deepEqual(pick(pool, ['name', 'networks', 'nic_tag', 'nic_tags_present', 'family']), { name: 'both', networks: uuids, nic_tag: 'external', nic_tags_present: ['external'], family: 'ipv4' });
  assert.deepEqual(await call(napi, 'getNetworkPool', pool.uuid), pool);
  assert.deepEqual(await asArray(call(napi, 'listNetworkPools', {})), [pool]);
  assert.deepEqual((await call(napi, 'updateNetworkPool', pool.uuid, { description: 'two' }))['description'], 'two');
  const holder = () => ({ owner_uuid: OWNER, belongs_to_uuid: randomUUID(), belongs_to_type: 'zone' });
  const ips = [await call(napi, 'provisionNic', pool.uuid, holder()), await call(napi, 'provisionNic', pool.uuid, holder())].map(({ ip }) => ip);
  assert.deepEqual(ips, ['10.7.0.5', '10.7.1.5']);
  assert.deepEqual(await failure(call(napi, 'provisionNic', pool.uuid, holder())), { status: 507, code: 'SubnetFull', errors: undefined });
  assert.equal((await failure(call(napi, 'deleteNetwork', uuids[0]))).code, 'InUse');
  await call(napi, 'deleteNetworkPool', pool.uuid);
  assert.equal((await failure(call(napi, 'getNetworkPool', pool.uuid))).status, 404);
});

test('capacity and allocation answer in the shapes of CNAPI', async () => {
  const { capacities, errors } = await call(cnapi, 'capacity', [node.uuid]);
  assert.deepEqual(Object.keys((capacities as Record<string, object>)[node.uuid] ?? {}), ['cpu', 'ram', 'disk']);
  assert.deepEqual(errors, {});
  const vm_uuid = randomUUID();
  const answer = await call(cnapi, 'post', '/allocate', { vm: { vm_uuid, owner_uuid: OWNER, ram: 1024, quota: 10 }, image: {}, package: {}, nic_tags: ['external'] });
  assert.equal((answer['server'] as Answer).uuid, node.uuid);
  assert.ok((answer['steps'] as unknown[]).length > 10);
  assert.deepEqual(answer['imgapiPeers'], []);
  assert.equal((await failure(call(cnapi, 'post', '/allocate', { vm: { ram: 2 ** 30 } }))).code, 'NoAllocatableServers');
  assert.equal((await failure(call(cnapi, 'post', '/allocate', { vm: {} }))).status, 409);
  assert.equal((await failure(call(cnapi, 'post', '/allocate', {}))).code, 'InvalidArgument');
});

function pick(object: Answer, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, object[name]]));
}
