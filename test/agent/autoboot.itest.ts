import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../../host/run/run.ts';
import { startAgent } from '../support/agent.ts';
import { cli } from '../support/cli.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';
import { minimalImage } from '../support/seed-images.ts';

let node: ScratchNode;
const wanted = Array.from({ length: 6 }, () => randomUUID());
const unwanted = randomUUID();

before(async () => {
  node = await scratchNode();
  const { lx } = await minimalImage(node);
  const agent = await startAgent(node);
  for (const [uuid, autoboot] of [...wanted.map((one) => [one, true] as const), [unwanted, false] as const]) {
    const payload = { uuid, autoboot, brand: 'lx', kernel_version: '6.1.0', image_uuid: lx, quota: 1, max_physical_memory: 64 };
    const { status, stderr } = await cli(node, 'vmadm', ['create'], { input: JSON.stringify(payload) });
    assert.equal(status, 0, stderr);
  }
  await agent.stop();
});

after(async () => {
  for (const uuid of [...wanted, unwanted]) await cli(node, 'vmadm', ['delete', uuid]);
  await node.remove();
});

async function runningOnes(): Promise<string[]> {
  return (await cli(node, 'vmadm', ['lookup', 'state=running'])).stdout.split('\n').filter((uuid) => uuid !== '').sort();
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    assert.ok(tries < 2400, 'it did not come about');
    await sleep(100);
  }
}

test('after a start of the host the agent boots what has autoboot, and nothing else', async () => {
  for (const uuid of wanted) await run(['lxc-stop', '-P', node.paths.lxc, '-n', uuid, '-k'], { acceptExitCodes: [0, 1, 2] });
  // What a start of the host takes away.
  await rm(join(node.runDirectory, 'booted'), { force: true });
  assert.deepEqual(await runningOnes(), []);
  const agent = await startAgent(node);
  await until(async () => (await runningOnes()).length === wanted.length);
  assert.deepEqual(await runningOnes(), [...wanted].sort());
  await agent.stop();
});

test('an agent that is only started again boots nothing', async () => {
  const [off, ...others] = wanted;
  await cli(node, 'zlogin', [off ?? '', 'poweroff']);
  await until(async () => (await runningOnes()).length === others.length);
  const agent = await startAgent(node);
  await agent.stop();
  assert.deepEqual(await runningOnes(), [...others].sort());
});
