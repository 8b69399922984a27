import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startAgent } from '../support/agent.ts';
import { buildGuestTools } from '../../images/guest-tools/build.ts';
import { cli } from '../support/cli.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';
import { minimalImage } from '../support/seed-images.ts';
import { NO_TRACES, tracesOn } from '../support/traces.ts';

let node: ScratchNode;
let image: string;
const witness = randomUUID();

before(async () => {
  await buildGuestTools();
  node = await scratchNode();
  image = (await minimalImage(node)).lx;
  const agent = await startAgent(node);
  assert.equal((await cli(node, 'vmadm', ['create'], { input: payload(witness, { customer_metadata: { color: 'blue' } }) })).status, 0);
  await agent.stop();
});

after(async () => {
  await cli(node, 'vmadm', ['delete', witness]);
  await node.remove();
});

function payload(uuid: string, more: Record<string, unknown> = {}): string {
  return JSON.stringify({ uuid, brand: 'lx', kernel_version: '6.1.0', image_uuid: image, quota: 1, max_physical_memory: 64, ...more });
}

async function pidOf(uuid: string): Promise<unknown> {
  return (JSON.parse((await cli(node, 'vmadm', ['get', uuid])).stdout) as Record<string, unknown>)['pid'];
}

/** What an agent had begun is finished by the next one by itself: nobody calls a command that changes something. */
async function recovered(): Promise<void> {
  for (let tries = 0; (await readdir(node.paths.journal)).some((name) => name.endsWith('.jsonl')); tries++) {
    assert.ok(tries < 2400, 'the journal stayed');
    await sleep(50);
  }
}

/** Run a command by an agent that dies at a point of it, then start the next agent and let it finish. */
async function crashed(point: string, command: readonly string[], input?: string) {
  const dying = await startAgent(node, { ZONEWRIGHT_CRASH_AT: point });
  const request = `crash-${randomUUID()}`;
  const result = await cli(node, 'vmadm', command, { ...(input !== undefined && { input }), environment: { REQ_ID: request } });
  assert.equal((await dying.ended).signal, 'SIGKILL', `${point} was not reached: ${result.stderr}`);
  assert.equal(result.status, 1, point);
  assert.match(result.stderr, /the agent ended before it had answered/, point);
  const next = await startAgent(node);
  await recovered();
  assert.match(await readFile(node.paths.audit, 'utf8'), new RegExp(`"request":"${request}"`), 'the trail knows for whom it was');
  return next;
}

for (const point of ['intent', 'after:1', 'before:3', 'after:4', 'before:6', 'after:6', 'before:commit']) {
  test(`a create whose agent is killed at ${point} leaves nothing once an agent runs again, and nobody else notices`, async () => {
    const uuid = randomUUID();
    const pid = await pidOf(witness);
    const next = await crashed(point, ['create'], payload(uuid));
    assert.deepEqual(await tracesOn(node, uuid), NO_TRACES);
    assert.equal(await pidOf(witness), pid);
    assert.equal((await cli(node, 'zlogin', [witness, 'mdata-get color'])).stdout, 'blue\n');
    await next.stop();
  });
}

test('a create whose agent is killed after its commit has made its instance', async () => {
  const uuid = randomUUID();
  const next = await crashed('after:commit', ['create'], payload(uuid));
  assert.equal((await cli(node, 'vmadm', ['list', '-p', '-o', 'state', `uuid=${uuid}`])).stdout, 'running\n');
  await cli(node, 'vmadm', ['delete', uuid]);
  await next.stop();
});

for (const point of ['intent', 'after:1', 'before:2', 'after:3', 'before:commit']) {
  test(`a delete whose agent is killed at ${point} is complete once an agent runs again`, async () => {
    const uuid = randomUUID();
    assert.equal((await cli(node, 'vmadm', ['create'], { input: payload(uuid) })).status, 0);
    const next = await crashed(point, ['delete', uuid]);
    assert.deepEqual(await tracesOn(node, uuid), NO_TRACES);
    assert.equal((await cli(node, 'vmadm', ['list', '-p', '-o', 'uuid', `uuid=${uuid}`])).stdout, '');
    await next.stop();
  });
}

test('an agent that is told to end lets a running operation come to its end', async () => {
  const uuid = randomUUID();
  const agent = await startAgent(node);
  const creating = cli(node, 'vmadm', ['create'], { input: payload(uuid) });
  for (let tries = 0; !(await readdir(node.paths.journal)).some((name) => name.endsWith('.jsonl')) && tries < 2000; tries++) await sleep(2);
  await agent.stop();
  assert.deepEqual(await creating, { stdout: '', stderr: `Successfully created VM ${uuid}\n`, status: 0, signal: null });
  await cli(node, 'vmadm', ['delete', uuid]);
});
