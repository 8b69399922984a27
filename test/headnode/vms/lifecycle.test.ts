import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ASKER, createParams, IMAGE, openHead, OWNER, type Head } from './open-head.ts';
import type { SimulatedNode } from './simulated-nodes.ts';

let head: Head;

before(async () => {
  head = await openHead({ nodes: 2 });
});

after(async () => await head?.close());

async function made(more: Record<string, unknown> = {}): Promise<{ readonly uuid: string; readonly node: SimulatedNode }> {
  const { vm_uuid: uuid, job_uuid: job } = await head.vms.create(createParams(head, more), ASKER);
  const ended = await head.ended(job);
  assert.equal(ended.execution, 'succeeded', JSON.stringify(ended));
  return { uuid, node: nodeOf(uuid) };
}

function nodeOf(uuid: string): SimulatedNode {
  const having = head.servers.nodes.filter(({ vms }) => vms.has(uuid));
  assert.equal(having.length, 1, 'exactly one node has it');
  return having[0] as SimulatedNode;
}

const addressesOf = async (uuid: string) => (await head.networks.nicsOf(uuid)).map((nic) => nic['ip']);
const reservations = async () => (await head.database.query('SELECT vm_uuid FROM placement_reservations')).map((row) => row['vm_uuid']);

test('a create makes the VM on one node, with an address, and each step leaves its evidence', async () => {
  const { vm_uuid: uuid, job_uuid: job } = await head.vms.create(createParams(head, { alias: 'first', customer_metadata: { secret: 'hunter2' }, tags: { role: 'db' } }), ASKER);
  const provisioning = await head.vms.get(uuid);
  assert.equal(provisioning?.state, 'provisioning');
  assert.equal(provisioning?.['alias'], 'first');
  const ended = await head.ended(job);
  assert.deepEqual(ended.chain_results.map(({ name, error }) => [name, error]), [['allocate', ''], ['provision_nics', ''], ['ensure_image', ''], ['machine_create', ''], ['record', '']]);
  const node = nodeOf(uuid);
  assert.deepEqual(node.ran.map(({ task }) => task), ['image_ensure_present', 'machine_create']);
  const create = node.ran[1]?.params as { nics: Array<Record<string, unknown>>; resolvers: string[]; image: unknown; max_physical_memory?: number; ram: number };
  assert.match(String(create.nics[0]?.['ip']), /^10\.66\.0\.\d+$/);
  assert.equal(create.nics[0]?.['netmask'], '255.255.255.0');
  assert.equal(create.nics[0]?.['gateway'], '10.66.0.1');
  assert.equal(create.nics[0]?.['primary'], true);
  assert.equal(create.nics[0]?.['belongs_to_uuid'], undefined);
  assert.deepEqual(create.resolvers, ['10.66.0.2']);
  const vm = await head.vms.get(uuid);
  assert.equal(vm?.state, 'running');
  assert.equal(vm?.['server_uuid'], node.uuid);
  assert.deepEqual(await addressesOf(uuid), [create.nics[0]?.['ip']]);
  // Its place is kept until the node itself reports the VM.
  assert.deepEqual(await reservations(), [uuid]);
  assert.ok(!JSON.stringify(ended).includes('hunter2'), 'a job tells nothing of metadata');
});

test('stop, start and reboot are done by the node, and told at once', async () => {
  const { uuid } = await made();
  for (const [action, state] of [['stop', 'stopped'], ['start', 'running'], ['reboot', 'running'], ['kill', 'stopped']] as const) {
    const { job_uuid: job } = await head.vms.act(uuid, action, {}, ASKER);
    assert.equal((await head.ended(job)).execution, 'succeeded');
    assert.equal((await head.vms.get(uuid))?.state, state, action);
  }
  assert.deepEqual((await head.jobs.list({ vmUuid: uuid })).map(({ name }) => name), ['kill', 'reboot', 'start', 'stop', 'provision']);
});

test('what a VM is already is refused, unless it is asked for idempotently or after something that is under way', async () => {
  const { uuid } = await made();
  await assert.rejects(head.vms.act(uuid, 'start', {}, ASKER), { code: 'Conflict', message: /it is running/ });
  assert.equal((await head.ended((await head.vms.act(uuid, 'start', { idempotent: 'true' }, ASKER)).job_uuid)).execution, 'succeeded');
  const stop = await head.vms.act(uuid, 'stop', {}, ASKER);
  const start = await head.vms.act(uuid, 'start', {}, ASKER);
  assert.equal((await head.ended(stop.job_uuid)).execution, 'succeeded');
  assert.equal((await head.ended(start.job_uuid)).execution, 'succeeded');
  assert.equal((await head.vms.get(uuid))?.state, 'running');
});

test('an update changes properties, and replaces maps as a whole', async () => {
  const { uuid } = await made({ tags: { a: '1', b: '2' } });
  const { job_uuid: job } = await head.vms.act(uuid, 'update', { alias: 'renamed', tags: { b: '3' } }, ASKER);
  const ended = await head.ended(job);
  assert.equal(ended.execution, 'succeeded', JSON.stringify(ended));
  const vm = await head.vms.get(uuid);
  assert.equal(vm?.['alias'], 'renamed');
  assert.deepEqual(vm?.['tags'], { b: '3' });
  assert.equal(ended.params['alias'], 'renamed');
});

test('an update to a package takes what the package says', async () => {
  const { uuid } = await made();
  const larger = await head.packages.create({ name: 'larger', max_physical_memory: 512, quota: 10_240, max_swap: 1024, vcpus: 1 });
  assert.equal((await head.ended((await head.vms.act(uuid, 'update', { billing_id: larger.uuid }, ASKER)).job_uuid)).execution, 'succeeded');
  const vm = await head.vms.get(uuid);
  assert.deepEqual([vm?.['billing_id'], vm?.['max_physical_memory'], vm?.['quota']], [larger.uuid, 512, 10]);
});

test('tags and metadata are merged, replaced and removed, from what the node has and not from what was known', async () => {
  const { uuid, node } = await made({ customer_metadata: { a: '1' } });
  const vm = node.vms.get(uuid) ?? {};
  node.vms.set(uuid, { ...vm, customer_metadata: { a: '1', made_on_the_node: 'yes' } });
  const change = async (how: Parameters<typeof head.vms.changeMap>[2]) => {
    const ended = await head.ended((await head.vms.changeMap(uuid, 'customer_metadata', how, ASKER)).job_uuid);
    assert.equal(ended.execution, 'succeeded', JSON.stringify(ended));
    return [ended.name, ended.params['subtask'], (await head.vms.get(uuid))?.['customer_metadata']];
  };
  assert.deepEqual(await change({ how: 'merge', values: { b: '2' } }), ['update', 'set_metadata', { a: '1', made_on_the_node: 'yes', b: '2' }]);
  assert.deepEqual(await change({ how: 'remove', key: 'a' }), ['update', 'remove_metadata', { made_on_the_node: 'yes', b: '2' }]);
  assert.deepEqual(await change({ how: 'replace', values: { c: '3' } }), ['update', 'replace_metadata', { c: '3' }]);
  assert.deepEqual(await change({ how: 'remove' }), ['update', 'replace_metadata', {}]);
});

test('nics are added with addresses of their own, and freed when they are removed', async () => {
  const { uuid } = await made();
  assert.equal((await head.ended((await head.vms.act(uuid, 'add_nics', { networks: [head.network] }, ASKER)).job_uuid)).execution, 'succeeded');
  const added = (await head.vms.get(uuid))?.['nics'] as Array<{ mac: string; ip: string }>;
  assert.equal(added.length, 2);
  assert.deepEqual((await addressesOf(uuid)).sort(), added.map(({ ip }) => ip).sort());
  const removed = added[1] as { mac: string; ip: string };
  const ended = await head.ended((await head.vms.act(uuid, 'remove_nics', { macs: [removed.mac] }, ASKER)).job_uuid);
  assert.equal(ended.execution, 'succeeded', JSON.stringify(ended));
  assert.deepEqual(await addressesOf(uuid), [added[0]?.ip]);
});

test('a nic that the node refuses leaves no address behind', async () => {
  const { uuid, node } = await made();
  const before = await addressesOf(uuid);
  node.fails = (task) => (task === 'machine_update' ? { message: 'no more nics' } : undefined);
  const ended = await head.ended((await head.vms.act(uuid, 'add_nics', { networks: [head.network] }, ASKER)).job_uuid);
  node.fails = undefined;
  assert.equal(ended.execution, 'failed');
  assert.deepEqual(await addressesOf(uuid), before);
});

test('a destroyed VM is gone from its node, its address is free, and its jobs are still told', async () => {
  const { uuid, node } = await made({ alias: 'short-lived' });
  const ended = await head.ended((await head.vms.destroy(uuid, ASKER)).job_uuid);
  assert.equal(ended.execution, 'succeeded', JSON.stringify(ended));
  assert.equal(node.vms.has(uuid), false);
  assert.deepEqual(await addressesOf(uuid), []);
  const vm = await head.vms.get(uuid);
  assert.equal(vm?.state, 'destroyed');
  assert.equal(vm?.['alias'], 'short-lived');
  assert.deepEqual((await head.jobs.list({ vmUuid: uuid })).map(({ name }) => name), ['destroy', 'provision']);
  await assert.rejects(head.vms.destroy(uuid, ASKER), { code: 'ResourceNotFound' });
  assert.equal((await made({ alias: 'short-lived' })).uuid === uuid, false, 'its name is free again');
});

test('a VM that is protected is not destroyed before that is taken back', async () => {
  const { uuid, node } = await made({ indestructible_zoneroot: true });
  await assert.rejects(head.vms.destroy(uuid, ASKER), { code: 'Conflict', message: /protected/ });
  assert.ok(node.vms.has(uuid));
  assert.equal((await head.ended((await head.vms.act(uuid, 'update', { indestructible_zoneroot: false }, ASKER)).job_uuid)).execution, 'succeeded');
  assert.equal((await head.ended((await head.vms.destroy(uuid, ASKER)).job_uuid)).execution, 'succeeded');
});

test('a create that its node refuses is failed with the reason, and everything it took is free', async () => {
  for (const node of head.servers.nodes) node.fails = (task) => (task === 'machine_create' ? { message: 'the pool is full' } : undefined);
  const { vm_uuid: uuid, job_uuid: job } = await head.vms.create(createParams(head), ASKER);
  const ended = await head.ended(job);
  for (const node of head.servers.nodes) node.fails = undefined;
  assert.equal(ended.execution, 'failed');
  const vm = await head.vms.get(uuid);
  assert.equal(vm?.state, 'failed');
  assert.match(String(vm?.['failure']), /^machine_create: .*the pool is full$/);
  assert.deepEqual(await addressesOf(uuid), []);
  assert.ok(!(await reservations()).includes(uuid));
  await assert.rejects(head.vms.act(uuid, 'start', {}, ASKER), { code: 'Conflict', message: /can only be deleted/ });
  assert.equal((await head.ended((await head.vms.destroy(uuid, ASKER)).job_uuid)).execution, 'succeeded');
  assert.equal((await head.vms.get(uuid))?.state, 'destroyed');
});

test('a create that no server can take says why', async () => {
  const { vm_uuid: uuid, job_uuid: job } = await head.vms.create(createParams(head, { ram: 1_000_000 }), ASKER);
  assert.equal((await head.ended(job)).execution, 'failed');
  const vm = await head.vms.get(uuid);
  assert.equal(vm?.state, 'failed');
  assert.match(String(vm?.['failure']), /no server can take this VM/);
});

test('a VM that was on the node before, unknown to the head node, is not destroyed by a create of the same uuid', async () => {
  const [node] = head.servers.nodes as [SimulatedNode];
  const uuid = '0d1a5d4f-7f0f-4d8f-9d0a-4d2f7d6a1c11';
  node.vms.set(uuid, { uuid, owner_uuid: OWNER, brand: 'lx', state: 'running', zone_state: 'running', create_timestamp: '2026-01-01T00:00:00.000Z' });
  const { job_uuid: job } = await head.vms.create(createParams(head, { uuid, server_uuid: node.uuid }), ASKER);
  assert.equal((await head.ended(job)).execution, 'failed');
  assert.ok(node.vms.has(uuid));
  await head.servers.report(node);
  await head.until('the head node knows of it', async () => (await head.vms.get(uuid))?.state === 'running');
});

test('a node cut off in the middle of a create gets the VM exactly once when it is back', async () => {
  const [node] = head.servers.nodes as [SimulatedNode];
  const before = node.ran.length;
  node.cut = true;
  // It runs still when this is asked, and is silent when the job comes to it.
  const get = head.servers.get;
  head.servers.get = async (uuid) => {
    const server = await get(uuid);
    return server && { ...server, status: 'running' };
  };
  const { vm_uuid: uuid, job_uuid: job } = await head.vms.create(createParams(head, { server_uuid: node.uuid }), ASKER);
  head.servers.get = get;
  await head.until('the job waits', async () => (await head.jobs.get(job))?.chain_results.some(({ result }) => result.startsWith('waiting: ')) ?? false);
  node.cut = false;
  assert.equal((await head.ended(job)).execution, 'succeeded');
  assert.deepEqual(node.ran.slice(before).map(({ task }) => task), ['image_ensure_present', 'machine_create']);
  assert.equal(nodeOf(uuid), node);
});

test('fifty creates at a time give fifty VMs with fifty addresses', async () => {
  const started = await Promise.all(Array.from({ length: 50 }, () => head.vms.create(createParams(head), ASKER)));
  const addresses = new Set<unknown>();
  for (const { vm_uuid: uuid, job_uuid: job } of started) {
    const ended = await head.ended(job);
    assert.equal(ended.execution, 'succeeded', JSON.stringify(ended));
    nodeOf(uuid);
    for (const address of await addressesOf(uuid)) addresses.add(address);
  }
  assert.equal(addresses.size, 50);
  assert.equal(IMAGE.state, 'active');
});
