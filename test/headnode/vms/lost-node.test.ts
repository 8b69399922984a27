/** A node that goes away for good, or for a long time, while something is asked of it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ASKER, createParams, openHead, type Head } from './open-head.ts';
import type { SimulatedNode } from './simulated-nodes.ts';

let head: Head;
let node: SimulatedNode;

before(async () => {
  head = await openHead({ nodes: 1, patienceSeconds: 1 });
  node = head.servers.nodes[0] as SimulatedNode;
});

after(async () => await head?.close());

const isSettled = async (job: string): Promise<boolean> => (await head.jobs.get(job))?.['settled'] === true;

/** A create whose node is cut off when it comes to a step. */
async function createCutOffAt(step: string): Promise<{ readonly uuid: string; readonly job: string }> {
  const runTask = head.servers.runTask;
  head.servers.runTask = async (uuid, request) => {
    if (request.task === step) node.cut = true;
    return await runTask(uuid, request);
  };
  const { vm_uuid: uuid, job_uuid: job } = await head.vms.create(createParams(head), ASKER);
  assert.equal((await head.ended(job)).execution, 'failed');
  head.servers.runTask = runTask;
  return { uuid, job };
}

test('a create on a node that is gone is told to have failed; what it took is free when the node has confirmed that nothing is there', async () => {
  const { uuid, job } = await createCutOffAt('machine_create');
  const vm = await head.vms.get(uuid);
  assert.equal(vm?.state, 'failed');
  assert.match(String(vm?.['failure']), /machine_create: given up after 1 s: server .* cannot be reached/);
  assert.equal((await head.networks.nicsOf(uuid)).length, 1, 'it may be there, so its address is kept');
  assert.equal(await isSettled(job), false);
  const { job_uuid: destroy } = await head.vms.destroy(uuid, ASKER);
  assert.equal((await head.jobs.get(destroy))?.execution, 'queued', 'it comes after what is being taken back');
  node.cut = false;
  await head.until('the create is taken back', async () => await isSettled(job));
  assert.equal(node.vms.has(uuid), false);
  assert.deepEqual(await head.networks.nicsOf(uuid), []);
  assert.deepEqual(await head.database.query('SELECT 1 FROM placement_reservations'), []);
  assert.equal((await head.ended(destroy)).execution, 'succeeded');
  assert.equal((await head.vms.get(uuid))?.state, 'destroyed');
});

test('a create that did happen on a node that was cut off then is destroyed there when it is back, and its VM stays failed', async () => {
  const perform = node.hold;
  let made: string | undefined;
  // The task reaches the node; its answer does not come back.
  node.hold = async (task) => {
    if (task !== 'machine_create') return;
    node.cut = true;
  };
  const runTask = head.servers.runTask;
  head.servers.runTask = async (uuid, request) => {
    const outcome = await runTask(uuid, request);
    if (request.task === 'machine_create' && outcome.outcome === 'complete') made = (outcome.result as { vm: { uuid: string } }).vm.uuid;
    return node.cut ? { outcome: 'unreachable', reason: 'no answer' } : outcome;
  };
  const { vm_uuid: uuid, job_uuid: job } = await head.vms.create(createParams(head), ASKER);
  assert.equal((await head.ended(job)).execution, 'failed');
  node.hold = perform;
  head.servers.runTask = runTask;
  assert.equal(made, uuid, 'it was made');
  assert.ok(node.vms.has(uuid));
  node.cut = false;
  await head.servers.report(node);
  assert.equal((await head.vms.get(uuid))?.state, 'failed', 'it is in the hands of its job');
  await head.until('the create is taken back', async () => await isSettled(job));
  assert.equal(node.vms.has(uuid), false);
  assert.deepEqual(await head.networks.nicsOf(uuid), []);
  await head.servers.report(node);
  assert.equal((await head.vms.get(uuid))?.state, 'failed');
  assert.equal(node.ran.filter(({ task, params }) => task === 'machine_create' && params['uuid'] === uuid).length, 1, 'it was made once');
});

test('a server that operators deleted takes its VMs with it: they can be destroyed', async () => {
  const { vm_uuid: uuid, job_uuid: job } = await head.vms.create(createParams(head), ASKER);
  assert.equal((await head.ended(job)).execution, 'succeeded');
  const other = '3f0d9a41-4f1e-4a8e-8b61-1a4c9a0d5e77';
  await head.database.query('UPDATE vms SET server_uuid = $2 WHERE uuid = $1', [uuid, other]);
  const ended = await head.ended((await head.vms.destroy(uuid, ASKER)).job_uuid);
  assert.equal(ended.execution, 'succeeded');
  assert.equal(ended.chain_results[0]?.result, `server ${other} is no more`);
  assert.deepEqual(await head.networks.nicsOf(uuid), []);
});
