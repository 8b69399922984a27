import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { WireObject } from '../../../headnode/services.ts';
import { ASKER, createParams, openHead, OWNER, type Head } from './open-head.ts';
import type { SimulatedNode } from './simulated-nodes.ts';

let head: Head;

before(async () => {
  head = await openHead({ nodes: 3 });
});

after(async () => await head?.close());

const zone = (more: WireObject = {}): WireObject & { readonly uuid: string } => ({
  uuid: randomUUID(),
  owner_uuid: OWNER,
  brand: 'lx',
  state: 'running',
  zone_state: 'running',
  max_physical_memory: 256,
  quota: 5,
  create_timestamp: '2026-01-01T00:00:00.000Z',
  ...more,
});

const node = (index: number): SimulatedNode => head.servers.nodes[index] as SimulatedNode;
const stateOf = async (uuid: string) => (await head.vms.get(uuid))?.state;

test('VMs that a node tells of become known, change with it, and are destroyed when it has them no more', async () => {
  const vm = zone({ alias: 'made-there', nics: [{ mac: '90:b8:d0:00:00:01', ip: '10.66.0.77', netmask: '255.255.255.0', nic_tag: 'external', primary: true }] });
  node(0).vms.set(vm.uuid, vm);
  await head.servers.report(node(0), { vms: { [vm.uuid]: vm } });
  assert.equal((await head.vms.get(vm.uuid))?.['alias'], 'made-there');
  assert.equal((await head.vms.get(vm.uuid))?.['server_uuid'], node(0).uuid);
  assert.deepEqual((await head.networks.nicsOf(vm.uuid)).map((nic) => nic['ip']), ['10.66.0.77']);
  await head.servers.report(node(0), { vms: { [vm.uuid]: { uuid: vm.uuid, brand: 'lx', state: 'stopped', zone_state: 'installed' } } });
  assert.equal(await stateOf(vm.uuid), 'stopped');
  assert.equal((await head.vms.get(vm.uuid))?.['alias'], 'made-there', 'a status takes nothing away that it does not tell');
  await head.servers.report(node(0), { vms: {} });
  assert.equal(await stateOf(vm.uuid), 'destroyed');
  assert.deepEqual(await head.networks.nicsOf(vm.uuid), []);
});

test('a VM that is known by its status alone is asked for', async () => {
  const vm = zone({ alias: 'in-full', customer_metadata: { a: 'b' } });
  node(0).vms.set(vm.uuid, vm);
  await head.servers.report(node(0));
  assert.equal((await head.vms.get(vm.uuid))?.['alias'], undefined);
  await head.until('its properties are known', async () => (await head.vms.get(vm.uuid))?.['alias'] === 'in-full');
});

test('of what is as it was in the report before nothing is written', async () => {
  const vm = zone();
  node(0).vms.set(vm.uuid, vm);
  const whole = { vms: Object.fromEntries(node(0).vms) };
  await head.servers.report(node(0), whole);
  const changedAt = async () => (await head.database.query<{ at: Date }>('SELECT changed_at AS at FROM vms WHERE uuid = $1', [vm.uuid]))[0]?.at.getTime();
  const before = await changedAt();
  await head.servers.report(node(0), whole);
  await head.servers.report(node(0));
  assert.equal(await changedAt(), before);
  await head.servers.report(node(0), { ...whole, changed: [] });
  assert.equal(await changedAt(), before);
});

test('a report that says what has changed is taken for those VMs alone', async () => {
  const [one, other] = [zone(), zone()];
  for (const vm of [one, other]) node(0).vms.set(vm.uuid, vm);
  await head.servers.report(node(0), { vms: Object.fromEntries(node(0).vms) });
  const { [one.uuid]: _gone, ...rest } = Object.fromEntries(node(0).vms);
  node(0).vms.delete(one.uuid);
  await head.servers.report(node(0), { vms: rest, changed: [one.uuid] });
  assert.deepEqual([await stateOf(one.uuid), await stateOf(other.uuid)], ['destroyed', 'running']);
});

test('VMs of a silent node are unknown, and right again when it is back', async () => {
  const [running, stopped, destroyed] = [zone(), zone({ state: 'stopped', zone_state: 'installed' }), zone()];
  for (const vm of [running, stopped, destroyed]) node(1).vms.set(vm.uuid, vm);
  await head.servers.report(node(1), { vms: Object.fromEntries(node(1).vms) });
  node(1).vms.delete(destroyed.uuid);
  await head.servers.report(node(1), { vms: Object.fromEntries(node(1).vms) });
  const states = async () => [await stateOf(running.uuid), await stateOf(stopped.uuid), await stateOf(destroyed.uuid)];
  const listed = async (state: string) => (await head.vms.list({ match: { state, server_uuid: node(1).uuid } })).total;
  assert.deepEqual(await states(), ['running', 'stopped', 'destroyed']);
  await head.servers.report(node(1), { status: 'unknown', vms: undefined });
  assert.deepEqual(await states(), ['unknown', 'unknown', 'destroyed']);
  assert.deepEqual([await listed('running'), await listed('unknown'), await listed('active'), await listed('destroyed')], [0, 2, 2, 1]);
  await head.servers.report(node(1), { status: 'running', vms: undefined });
  assert.deepEqual(await states(), ['running', 'stopped', 'destroyed']);
  assert.deepEqual([await listed('running'), await listed('unknown')], [1, 0]);
});

test('a report that was under way when a task ended does not undo what the task said; the node is asked again', async () => {
  const { vm_uuid: uuid, job_uuid: job } = await head.vms.create(createParams(head, { server_uuid: node(2).uuid }), ASKER);
  assert.equal((await head.ended(job)).execution, 'succeeded');
  // However busy this machine is, the report comes within the time that one may be under way.
  await head.database.query(`UPDATE vms SET word_at = now() + interval '1 minute' WHERE uuid = $1`, [uuid]);
  await head.servers.report(node(2), { vms: {} });
  assert.equal(await stateOf(uuid), 'running', 'the report is older than the create');
  assert.equal((await head.networks.nicsOf(uuid)).length, 1);
  // This time the node means it.
  node(2).vms.delete(uuid);
  await head.until('the node was asked again', async () => (await stateOf(uuid)) === 'destroyed');
  await head.until('its address is free', async () => (await head.networks.nicsOf(uuid)).length === 0);
});

test('a VM that is being created is its job’s, whatever its node reports meanwhile', async () => {
  const held = Promise.withResolvers<void>();
  node(2).hold = async (task) => (task === 'machine_create' ? await held.promise : undefined);
  const { vm_uuid: uuid, job_uuid: job } = await head.vms.create(createParams(head, { server_uuid: node(2).uuid }), ASKER);
  await head.until('the node has the task', async () => (await head.jobs.get(job))?.chain_results.at(-1)?.name === 'machine_create');
  await head.servers.report(node(2), { vms: {} });
  assert.equal(await stateOf(uuid), 'provisioning');
  await assert.rejects(head.vms.act(uuid, 'stop', {}, ASKER), { code: 'UnallocatedVM' });
  await head.servers.report(node(2), { vms: { [uuid]: { uuid, brand: 'lx', state: 'running', zone_state: 'running' } } });
  assert.equal(await stateOf(uuid), 'provisioning');
  node(2).hold = undefined;
  held.resolve();
  assert.equal((await head.ended(job)).execution, 'succeeded');
  assert.equal(await stateOf(uuid), 'running');
});

test('a node cannot take a VM from one that is alive, and has it when that one is silent', async () => {
  const vm = zone();
  node(0).vms.set(vm.uuid, vm);
  await head.servers.report(node(0), { vms: Object.fromEntries(node(0).vms) });
  await head.servers.report(node(1), { vms: { [vm.uuid]: { ...vm, state: 'stopped' } } });
  assert.equal((await head.vms.get(vm.uuid))?.['server_uuid'], node(0).uuid);
  assert.equal(await stateOf(vm.uuid), 'running');
  await head.servers.report(node(0), { status: 'unknown', vms: undefined });
  await head.servers.report(node(1), { vms: { [vm.uuid]: { ...vm, state: 'stopped' } } });
  assert.equal((await head.vms.get(vm.uuid))?.['server_uuid'], node(1).uuid);
  assert.equal(await stateOf(vm.uuid), 'stopped');
  await head.servers.report(node(0), { status: 'running', vms: undefined });
});

test('a VM is read from its node when that is asked for', async () => {
  const vm = zone({ alias: 'before' });
  node(0).vms.set(vm.uuid, vm);
  await head.servers.report(node(0), { vms: Object.fromEntries(node(0).vms) });
  node(0).vms.set(vm.uuid, { ...vm, alias: 'after' });
  assert.equal((await head.vms.get(vm.uuid))?.['alias'], 'before');
  assert.equal((await head.vms.get(vm.uuid, { sync: true }))?.['alias'], 'after');
  node(0).cut = true;
  await assert.rejects(head.vms.get(vm.uuid, { sync: true }), { code: 'ServerUnreachable' });
  node(0).cut = false;
});

test('a destroy does not free the address of a VM whose node cannot be asked', async () => {
  const { vm_uuid: uuid, job_uuid: job } = await head.vms.create(createParams(head, { server_uuid: node(2).uuid }), ASKER);
  assert.equal((await head.ended(job)).execution, 'succeeded');
  node(2).cut = true;
  const { job_uuid: destroy } = await head.vms.destroy(uuid, ASKER);
  await head.until('the job waits', async () => (await head.jobs.get(destroy))?.chain_results[0]?.result.startsWith('waiting: ') ?? false);
  assert.equal((await head.networks.nicsOf(uuid)).length, 1);
  node(2).cut = false;
  assert.equal((await head.ended(destroy)).execution, 'succeeded');
  assert.equal((await head.networks.nicsOf(uuid)).length, 0);
});
