/** An agent that dies in the middle of a task: the next one tells the truth about it. */
import assert from 'node:assert/strict';
import { randomInt, randomUUID } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import { taskSchema, type Task } from '../../../agent/wire/tasks.ts';
import { startAgent, transportTo, type RunningAgent } from '../../support/agent.ts';
import { cli } from '../../support/cli.ts';
import { scratchNode, type ScratchNode } from '../../support/scratch-node.ts';
import { minimalImage } from '../../support/seed-images.ts';
import { NO_TRACES, tracesOn } from '../../support/traces.ts';

let node: ScratchNode;
let image: string;
let agent: RunningAgent | undefined;

before(async () => {
  node = await scratchNode();
  image = (await minimalImage(node)).lx;
});

after(async () => {
  await agent?.stop();
  await node.remove();
});

function payload(uuid: string): Record<string, unknown> {
  return { uuid, brand: 'lx', kernel_version: '6.1.0', image_uuid: image, quota: 1, max_physical_memory: 64, nics: [{ nic_tag: 'admin', ip: '10.77.0.77', netmask: '255.255.255.0' }] };
}

async function ask(method: 'GET' | 'POST', path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
  const transport = await transportTo(node);
  try {
    const { status, body: stream } = await transport.send({ method, path, ...(body !== undefined && { body }) });
    const answer = await text(stream);
    return { status, body: answer === '' ? undefined : (JSON.parse(answer) as unknown) };
  } finally {
    transport.close();
  }
}

/** Give a task and return as soon as it is taken. */
async function give(task: string, params: Record<string, unknown>): Promise<string> {
  const id = randomUUID();
  const { status, body } = await ask('POST', '/tasks', { task, params, id, async: true });
  assert.equal(status, 202, JSON.stringify(body));
  return id;
}

async function outcomeOf(id: string): Promise<Task> {
  const { status, body } = await ask('GET', `/tasks/${id}/wait?timeout=120`);
  assert.equal(status, 200, JSON.stringify(body));
  return taskSchema.parse(body);
}

async function instances(): Promise<string[]> {
  const { stdout } = await cli(node, 'vmadm', ['list', '-H', '-o', 'uuid,state']);
  return stdout.split('\n').filter((line) => line !== '').map((line) => line.trim().split(/\s+/).join(' '));
}

/** Run a task in an agent that kills itself at a point of the engine's plan, and start another one. */
async function dieAt(point: string, task: string, params: Record<string, unknown>): Promise<string> {
  agent = await startAgent(node, { ZONEWRIGHT_CRASH_AT: point });
  const id = await give(task, params);
  assert.equal((await agent.ended).signal, 'SIGKILL', `it did not come to ${point}`);
  agent = await startAgent(node);
  return id;
}

async function endAgent(): Promise<void> {
  await agent?.stop();
  agent = undefined;
}

for (const point of ['intent', 'after:1', 'after:3', 'before:5', 'after:6', 'before:commit', 'after:commit']) {
  test(`a machine_create whose agent dies at ${point} is complete in the end, and there is one instance`, async () => {
    const uuid = randomUUID();
    const { status, result } = taskSchema.parse(await outcomeOf(await dieAt(point, 'machine_create', payload(uuid))));
    assert.equal(status, 'complete');
    const vm = result?.['vm'] as Record<string, unknown>;
    assert.deepEqual([vm['uuid'], vm['state']], [uuid, 'running']);
    assert.deepEqual(await instances(), [`${uuid} running`]);
    assert.equal((await cli(node, 'zlogin', [uuid, 'true'])).status, 0);
    assert.deepEqual((await ask('POST', '/tasks', { task: 'machine_destroy', params: { uuid } })).body, {});
    assert.deepEqual(await tracesOn(node, uuid), NO_TRACES);
    await endAgent();
  });
}

for (const attempt of [1, 2, 3]) {
  test(`an agent that is killed at any moment of a machine_create leaves a task of which the next one knows the outcome (${attempt})`, async () => {
    const uuid = randomUUID();
    agent = await startAgent(node);
    const id = await give('machine_create', payload(uuid));
    await sleep(randomInt(300));
    await agent.kill();
    agent = await startAgent(node);
    assert.equal((await outcomeOf(id)).status, 'complete');
    assert.deepEqual(await instances(), [`${uuid} running`]);
    const again = await ask('POST', '/tasks', { task: 'machine_create', params: payload(uuid), id });
    assert.deepEqual([again.status, (again.body as { vm: { uuid: string } }).vm.uuid], [200, uuid]);
    assert.equal((await outcomeOf(await give('machine_destroy', { uuid }))).status, 'complete');
    assert.deepEqual(await tracesOn(node, uuid), NO_TRACES);
    await endAgent();
  });
}

test('a create that cannot be is reported as failed by the agent that takes it up, and leaves nothing', async () => {
  const uuid = randomUUID();
  const other = randomUUID();
  assert.equal((await cli(node, 'vmadm', ['create'], { input: JSON.stringify(payload(other)) })).status, 0);
  agent = await startAgent(node);
  // Whichever of the two agents finds it out.
  const id = await give('machine_create', payload(uuid));
  await agent.kill();
  agent = await startAgent(node);
  const { status, error } = await outcomeOf(id);
  assert.equal(status, 'failure');
  assert.match(error?.error ?? '', /Conflict detected with another vm/);
  assert.deepEqual(await instances(), [`${other} running`]);
  assert.deepEqual(await tracesOn(node, uuid), NO_TRACES);
  await ask('POST', '/tasks', { task: 'machine_destroy', params: { uuid: other } });
  await endAgent();
});

for (const [task, point, from, to] of [
  ['machine_shutdown', 'after:1', 'running', 'stopped'],
  ['machine_boot', 'before:1', 'stopped', 'running'],
  ['machine_reboot', 'intent', 'running', 'running'],
  ['machine_destroy', 'after:2', 'running', undefined],
] as const) {
  test(`a ${task} whose agent dies at ${point} is complete in the end`, async () => {
    const uuid = randomUUID();
    assert.equal((await cli(node, 'vmadm', ['create'], { input: JSON.stringify({ ...payload(uuid), autoboot: from === 'running' }) })).status, 0);
    const { status, error } = await outcomeOf(await dieAt(point, task, { uuid, force: true }));
    assert.equal(status, 'complete', error?.error);
    assert.deepEqual(await instances(), to === undefined ? [] : [`${uuid} ${to}`]);
    await ask('POST', '/tasks', { task: 'machine_destroy', params: { uuid } });
    await endAgent();
  });
}

test('an update whose agent dies is made in the end, once', async () => {
  for (const point of ['after:1', 'after:commit']) {
    const uuid = randomUUID();
    assert.equal((await cli(node, 'vmadm', ['create'], { input: JSON.stringify(payload(uuid)) })).status, 0);
    const add_nics = [{ nic_tag: 'admin', ip: '10.77.0.78', netmask: '255.255.255.0' }];
    const { status, result, error } = await outcomeOf(await dieAt(point, 'machine_update', { uuid, alias: 'changed', add_nics }));
    assert.equal(status, 'complete', `${point}: ${error?.error}`);
    const vm = result?.['vm'] as { alias: string; nics: unknown[] };
    assert.deepEqual([vm.alias, vm.nics.length], ['changed', 2], point);
    await ask('POST', '/tasks', { task: 'machine_destroy', params: { uuid } });
    await endAgent();
  }
});
