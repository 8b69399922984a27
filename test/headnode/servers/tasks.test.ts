import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { TaskRequest } from '../../../headnode/services.ts';
import { openSimulatedAgent, type SimulatedAgent } from '../../../scripts/simulate/agent.ts';
import { ask, makeToken, startTestHead, until, type TestHead } from '../support/head.ts';

const IMAGE = '5d7a8c1e-1111-4222-8333-944455556666';

describe('tasks of a head node', () => {
  let head: TestHead;
  let agent: SimulatedAgent;

  before(async () => {
    head = await startTestHead();
    agent = await openSimulatedAgent({ uuid: randomUUID(), token: await makeToken(head) });
    agent.node.addImage(IMAGE, { type: 'lx-dataset' });
    await until(async () => (await head.running.head.servers.get(agent.uuid))?.status === 'running');
  });
  after(async () => {
    await agent.close();
    await head.close();
  });
  const request = (task: string, params: object, more: Partial<TaskRequest> = {}): TaskRequest => ({ task, params: params as TaskRequest['params'], id: randomUUID(), asker: { requestId: 'req-1', by: 'operator' }, ...more });

  it('run on the node, and their parameters are not kept when they have ended', async () => {
    const { servers } = head.running.head;
    const uuid = randomUUID();
    const create = request('machine_create', { uuid, brand: 'lx', kernel_version: '6.1.0', image_uuid: IMAGE, max_physical_memory: 64, customer_metadata: { secret: 'hush' } });
    const outcome = await servers.runTask(agent.uuid, create);
    assert.equal(outcome.outcome, 'complete');
    const row = await servers.tasks.get(create.id);
    assert.deepEqual([row?.status, row?.params, row?.req_id], ['complete', null, 'req-1']);
    await until(async () => uuid in ((await servers.get(agent.uuid))?.vms ?? {}));
  });

  it('run once for each id, however often and however many ask', async () => {
    const { servers } = head.running.head;
    const uuid = randomUUID();
    const create = request('machine_create', { uuid, brand: 'lx', kernel_version: '6.1.0', image_uuid: IMAGE, max_physical_memory: 64 });
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => servers.runTask(agent.uuid, create)));
    assert.deepEqual(outcomes.map(({ outcome }) => outcome), Array.from({ length: 5 }, () => 'complete'));
    assert.equal((await servers.runTask(agent.uuid, create)).outcome, 'complete');
    await assert.rejects(servers.runTask(agent.uuid, { ...request('nop', {}), id: create.id }), { code: 'InvalidArgument' });
  });

  it('tell why they failed, with the code that clients match on', async () => {
    const outcome = await head.running.head.servers.runTask(agent.uuid, request('machine_load', { uuid: randomUUID() }));
    assert.ok(outcome.outcome === 'failure');
    assert.deepEqual([outcome.error.code, outcome.error.restCode], ['VmNotFound', 'VmNotFound']);
    const unknown = await head.running.head.servers.runTask(agent.uuid, request('machine_teleport', {}));
    assert.ok(unknown.outcome === 'failure');
    assert.equal(unknown.error.restCode, 'ResourceNotFound');
  });

  it('reboot a server: it is on its way, and takes nothing more', async () => {
    const left = Promise.withResolvers<void>();
    const going = await openSimulatedAgent({ uuid: randomUUID(), token: await makeToken(head), leave: left.resolve });
    const server = async () => (await ask(`${head.url}/servers/${going.uuid}`, 'GET')).body as Record<string, unknown>;
    await until(async () => (await head.running.head.servers.get(going.uuid))?.status === 'running');
    assert.equal((await ask(`${head.url}/servers/${going.uuid}/reboot`, 'POST', { body: {} })).status, 202);
    await left.promise;
    await until(async () => (await server())['transitional_status'] === 'rebooting');
    await going.close();
    await until(async () => (await server())['status'] === 'rebooting');
  });

  it('reset a server to what it was when it was new: it is none of ours then, and nobody can speak for it', async () => {
    const left = Promise.withResolvers<void>();
    const going = await openSimulatedAgent({ uuid: randomUUID(), token: await makeToken(head), leave: left.resolve });
    await until(async () => (await head.running.head.servers.get(going.uuid))?.status === 'running');
    assert.equal((await ask(`${head.url}/servers/${going.uuid}/factory-reset`, 'PUT', { body: {} })).status, 202);
    await left.promise;
    await until(async () => (await head.running.head.servers.get(going.uuid))?.setup === false);
    await until(async () => ((await ask(`${head.url}/certificates`, 'GET')).body as Array<{ holder: string; revoked_at: string | null }>).some(({ holder, revoked_at }) => holder.endsWith(going.uuid) && revoked_at !== null));
    await going.close();
  });

  it('reset no server that has VMs', async () => {
    const { servers } = head.running.head;
    const uuid = randomUUID();
    await servers.runTask(agent.uuid, request('machine_create', { uuid, brand: 'lx', kernel_version: '6.1.0', image_uuid: IMAGE, max_physical_memory: 64 }));
    await until(async () => uuid in ((await servers.get(agent.uuid))?.vms ?? {}));
    const refused = await ask(`${head.url}/servers/${agent.uuid}/factory-reset`, 'PUT', { body: {} });
    assert.deepEqual([refused.status, (refused.body as { code: string }).code], [409, 'InvalidArgument']);
  });

  it('for a server that there is not are refused', async () => {
    await assert.rejects(head.running.head.servers.runTask(randomUUID(), request('nop', {})), { code: 'ServerNotFound' });
  });

  it('tell that a node cannot be asked, and are done when it is back', async () => {
    const { servers } = head.running.head;
    await agent.close();
    const stop = request('nop', {});
    const outcome = await servers.runTask(agent.uuid, stop);
    assert.equal(outcome.outcome, 'unreachable');
    assert.equal((await servers.tasks.get(stop.id))?.status, 'active');
    agent = await openSimulatedAgent({ uuid: agent.uuid, identity: agent.identity, node: agent.node });
    assert.equal((await servers.tasks.wait(stop.id, 60))?.status, 'complete');
    assert.equal((await servers.runTask(agent.uuid, stop)).outcome, 'complete');
  });

  it('that an agent had taken and does not know any more are lost, and not run again', async () => {
    const { servers } = head.running.head;
    const slow = request('nop', { sleep: 20 });
    const waiting = servers.runTask(agent.uuid, slow);
    await until(async () => (await servers.tasks.get(slow.id))?.accepted === true);
    await agent.close();
    // Its tasks were in memory alone.
    agent = await openSimulatedAgent({ uuid: agent.uuid, identity: agent.identity, node: agent.node });
    const outcome = await waiting.then((first) => (first.outcome === 'unreachable' ? servers.runTask(agent.uuid, slow) : first));
    assert.ok(outcome.outcome === 'failure');
    assert.equal(outcome.error.code, 'TaskLost');
  });

  it('that take longer than they may are told so', async () => {
    const outcome = await head.running.head.servers.runTask(agent.uuid, request('nop', { sleep: 20 }, { timeoutSeconds: 1 }));
    assert.ok(outcome.outcome === 'failure');
    assert.equal(outcome.error.code, 'TaskTimeout');
  });
});
