/** Placement and networks in a whole head process, with what nodes tell it over their certificates. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { Allocation } from '../../../headnode/services.ts';
import { ask, joinTestHead, startTestHead, sysinfoOf, type JoinedNode, type TestHead } from '../support/head.ts';
import { keepBeating } from './heartbeats.ts';
import { vm } from './servers.ts';

let head: TestHead;
let nodes: JoinedNode[];
let stopBeating: () => Promise<void>;

before(async () => {
  head = await startTestHead();
  await ask(`${head.url}/nic_tags`, 'POST', { body: { name: 'admin' } });
  await ask(`${head.url}/networks`, 'POST', { body: { name: 'admin', subnet: '10.77.0.0/24', nic_tag: 'admin', vlan_id: 0, provision_start_ip: '10.77.0.100', provision_end_ip: '10.77.0.250' } });
  nodes = await Promise.all(Array.from({ length: 5 }, () => joinTestHead(head)));
  stopBeating = keepBeating(() => nodes);
  for (const [index, node] of nodes.entries()) await register(node, index);
});
after(async () => {
  await stopBeating?.();
  for (const node of nodes) await node.close();
  await head.close();
});

async function register(node: JoinedNode, index: number): Promise<void> {
  const networkInterfaces = { eth0: { 'MAC Address': `00:16:3e:00:00:0${index}`, ip4addr: `10.77.0.${10 + index}`, 'Link Status': 'up', 'NIC Names': ['admin', 'external'] } };
  await node.say('POST', `/servers/${node.uuid}/sysinfo`, { sysinfo: sysinfoOf(node.uuid, { 'Network Interfaces': networkInterfaces }) });
  await node.say('POST', `/servers/${node.uuid}/events/status`, { vms: {} });
}

/** Each node has 16 GiB, 85 % of which are 6 VMs of 2 GiB. */
test('100 creates on 5 nodes never promise more than there is; the report of a node takes the place of a reservation', async () => {
  const { placement } = head.running.head.services;
  const wanted = Array.from({ length: 100 }, () => vm({ max_physical_memory: 2048, quota: 1, cpu_cap: 50, owner_uuid: randomUUID() }));
  const results = await Promise.all(wanted.map((one) => placement.allocate({ vm: one, nicTags: ['external'] })));
  const placed = wanted.flatMap((one, index) => (results[index]?.server ? [{ vm: one, server: results[index].server.uuid }] : []));
  assert.equal(placed.length, 5 * 6);
  const byServer = Map.groupBy(placed, ({ server }) => server);
  assert.deepEqual([...byServer.values()].map((list) => list.length), [6, 6, 6, 6, 6]);

  const [first] = nodes;
  assert.ok(first);
  const vms = Object.fromEntries((byServer.get(first.uuid) ?? []).map(({ vm: one }) => [one.uuid, { ...one, state: 'running', zone_state: 'running' }]));
  assert.equal((await first.say('POST', `/servers/${first.uuid}/events/status`, { vms })).status, 204);
  const onFirst = { vm: vm({ max_physical_memory: 2048, quota: 1 }), nicTags: [], servers: [first.uuid] };
  assert.equal((await placement.allocate(onFirst)).server, undefined);
  // The node has lost one of its VMs: its place is free as soon as the reservation is given back.
  const [lost, ...kept] = Object.entries(vms);
  await first.say('POST', `/servers/${first.uuid}/events/status`, { vms: Object.fromEntries(kept) });
  await placement.release(String(lost?.[0]));
  assert.equal((await placement.allocate(onFirst)).server?.uuid, first.uuid);
});

test('allocate and capacity answer over HTTP, and say why nothing was found', async () => {
  const capacity = await ask(`${head.url}/capacity`, 'POST', { body: {} });
  assert.equal(capacity.status, 200);
  const { capacities, errors } = capacity.body as { capacities: Record<string, { cpu: number; ram: number; disk: number }>; errors: object };
  assert.deepEqual([Object.keys(capacities).sort(), errors], [nodes.map(({ uuid }) => uuid).sort(), {}]);
  const refused = await ask(`${head.url}/allocate`, 'POST', { body: { vm: vm({ max_physical_memory: 2048 }), nic_tags: ['nowhere'] } });
  const { code, message, steps } = refused.body as { code: string; message: string; steps: Allocation['steps'] };
  assert.deepEqual([refused.status, code], [409, 'NoAllocatableServers']);
  assert.match(message, /hard-filter-vlans: it has no nic tag nowhere/);
  assert.equal(Object.keys(steps.find(({ step }) => step === 'hard-filter-vlans')?.reasons ?? {}).length, 5);
  const taken = await ask(`${head.url}/allocate`, 'POST', { body: { vm: vm({ max_physical_memory: 128, quota: 1 }), image: {}, nic_tags: ['external'] } });
  assert.equal(taken.status, 200);
  assert.deepEqual(Object.keys(taken.body as object), ['server', 'steps', 'imgapiPeers']);
});

test('a node may neither allocate nor see addresses', async () => {
  const [node] = nodes;
  assert.ok(node);
  for (const [method, path] of [['POST', '/allocate'], ['POST', '/capacity'], ['GET', '/networks'], ['GET', '/nics'], ['POST', '/networks/admin/nics']] as const) {
    assert.equal((await node.say(method, path, method === 'POST' ? {} : undefined)).status, 404, path);
  }
});

test("nodes' own nics and addresses are known from their registration", async () => {
  const { networks } = head.running.head.services;
  const [node] = nodes;
  assert.ok(node);
  // The registration's report is heard a moment later.
  const deadline = Date.now() + 60_000;
  while ((await networks.nicsOf(node.uuid)).length === 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
  const [nic] = await networks.nicsOf(node.uuid);
  assert.deepEqual([nic?.['mac'], nic?.['ip'], nic?.['nic_tags_provided'], nic?.['primary']], ['00:16:3e:00:00:00', '10.77.0.10', ['admin', 'external'], true]);
  const tags = (await ask(`${head.url}/nic_tags`, 'GET')).body as Array<{ name: string }>;
  assert.deepEqual(tags.map(({ name }) => name), ['admin', 'external']);
  const ip = (await ask(`${head.url}/networks/admin/ips/10.77.0.10`, 'GET')).body as { free: boolean; belongs_to_uuid: string };
  assert.deepEqual([ip.free, ip.belongs_to_uuid], [false, node.uuid]);
});
