import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { cli } from '../support/cli.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';
import { minimalImage } from '../support/seed-images.ts';
import { NO_TRACES, tracesOn } from '../support/traces.ts';

let node: ScratchNode;
let image: string;

before(async () => {
  node = await scratchNode();
  image = (await minimalImage(node)).lx;
});

after(() => node.remove());

function payload(uuid: string): string {
  const nics = [{ nic_tag: 'admin', ip: '10.77.0.66', netmask: '255.255.255.0' }];
  return JSON.stringify({ uuid, brand: 'lx', kernel_version: '6.1.0', image_uuid: image, quota: 1, max_physical_memory: 64, nics });
}

function points(steps: number): string[] {
  const around = Array.from({ length: steps }, (_, index) => [`before:${index + 1}`, `after:${index + 1}`]);
  return ['intent', ...around.flat(), 'before:commit'];
}

/** Any changing verb recovers first; one on an instance that does not exist changes nothing itself. */
async function recover(): Promise<void> {
  const { status } = await cli(node, 'vmadm', ['delete', randomUUID()]);
  assert.equal(status, 1);
}

for (const point of points(6)) {
  test(`a create killed at ${point} leaves nothing once the next command ran`, async () => {
    const uuid = randomUUID();
    const { signal, stderr } = await cli(node, 'vmadm', ['create'], { input: payload(uuid), environment: { ZONEWRIGHT_CRASH_AT: point } });
    assert.equal(signal, 'SIGKILL', stderr);
    await recover();
    assert.deepEqual(await tracesOn(node, uuid), NO_TRACES);
  });
}

test('a create killed after its commit has made its zone', async () => {
  const uuid = randomUUID();
  await cli(node, 'vmadm', ['create'], { input: payload(uuid), environment: { ZONEWRIGHT_CRASH_AT: 'after:commit' } });
  await recover();
  const { stdout } = await cli(node, 'vmadm', ['list', '-p', '-o', 'state', `uuid=${uuid}`]);
  assert.equal(stdout, 'running\n');
  await cli(node, 'vmadm', ['delete', uuid]);
});

for (const point of [...points(4), 'after:commit']) {
  test(`a delete killed at ${point} is complete once the next command ran`, async () => {
    const uuid = randomUUID();
    const created = await cli(node, 'vmadm', ['create'], { input: payload(uuid) });
    assert.equal(created.status, 0, created.stderr);
    const { signal, stderr } = await cli(node, 'vmadm', ['delete', uuid], { environment: { ZONEWRIGHT_CRASH_AT: point } });
    assert.equal(signal, 'SIGKILL', stderr);
    await recover();
    assert.deepEqual(await tracesOn(node, uuid), NO_TRACES);
  });
}

for (const [verb, from, to] of [['stop', 'running', 'stopped'], ['start', 'stopped', 'running']] as const) {
  test(`a ${verb} killed at any point has happened once the next command ran`, async () => {
    const uuid = randomUUID();
    await cli(node, 'vmadm', ['create'], { input: payload(uuid) });
    for (const point of points(2)) {
      await cli(node, 'vmadm', [from === 'running' ? 'start' : 'stop', uuid]);
      const { signal, stderr } = await cli(node, 'vmadm', [verb, uuid], { environment: { ZONEWRIGHT_CRASH_AT: point } });
      assert.equal(signal, 'SIGKILL', `${point}: ${stderr}`);
      await recover();
      const { stdout } = await cli(node, 'vmadm', ['list', '-p', '-o', 'state,autoboot', `uuid=${uuid}`]);
      assert.equal(stdout, `${to}:${to === 'running'}\n`, point);
    }
    await cli(node, 'vmadm', ['delete', uuid]);
    assert.deepEqual(await tracesOn(node, uuid), NO_TRACES);
  });
}
