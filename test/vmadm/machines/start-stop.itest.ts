import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { accelerator } from '../../../host/qemu/accelerator.ts';
import { cli } from '../../support/cli.ts';
import { scratchNode, type ScratchNode } from '../../support/scratch-node.ts';
import { NO_TRACES, tracesOn } from '../../support/traces.ts';

let node: ScratchNode;
const uuid = randomUUID();

before(async () => {
  node = await scratchNode({ megabytes: 1024 });
});

after(async () => {
  await cli(node, 'vmadm', ['delete', uuid]);
  await node.remove();
});

const nics = [{ nic_tag: 'admin', model: 'virtio', ip: '10.77.0.82', netmask: '255.255.255.0', mac: '02:08:20:00:00:82' }];
const payload = { uuid, brand: 'kvm', ram: 64, quota: 1, autoboot: false, disks: [{ size: 16, model: 'virtio', refreservation: 0 }], nics };
const TALKATIVE = { VMADM_WARN: '1' };

async function get(): Promise<Record<string, unknown>> {
  return JSON.parse((await cli(node, 'vmadm', ['get', uuid])).stdout) as Record<string, unknown>;
}

test('on a terminal it is said once that machines are emulated, and why; never where there is KVM', async () => {
  const created = await cli(node, 'vmadm', ['create'], { input: JSON.stringify(payload), environment: TALKATIVE });
  const { name, reason } = accelerator();
  const note = name === 'tcg' ? `note: machines are emulated on this node, which is many times slower than KVM: ${reason}\n` : '';
  assert.equal(created.stderr, `Successfully created VM ${uuid}\n${note}`);
  assert.equal((await cli(node, 'vmadm', ['start', uuid], { environment: TALKATIVE })).stderr, `Successfully started VM ${uuid}\n`);
  assert.equal((await cli(node, 'vmadm', ['stop', '-F', uuid])).status, 0);
});

test('kill sends a signal to the machine\'s process, whose end get then tells', async () => {
  assert.equal((await cli(node, 'vmadm', ['start', uuid])).status, 0);
  assert.equal((await cli(node, 'vmadm', ['kill', '-KILL', uuid])).stderr, `Sent signal "SIGKILL" to init process for VM ${uuid}\n`);
  for (let tries = 0; tries < 100 && (await get())['state'] !== 'stopped'; tries++);
  assert.equal((await get())['exit_status'], -9);
  assert.equal((await cli(node, 'vmadm', ['kill', uuid])).stderr, `Cannot find running init PID for VM ${uuid}\n`);
  assert.equal((await cli(node, 'vmadm', ['start', uuid])).status, 0);
  assert.equal((await cli(node, 'vmadm', ['stop', '-F', uuid])).status, 0);
});

const POINTS = ['intent', 'before:1', 'after:1', 'before:2', 'after:2', 'before:commit'];

test('a start killed at any step is complete once the next command ran', async () => {
  for (const point of POINTS) {
    const { signal, stderr } = await cli(node, 'vmadm', ['start', uuid], { environment: { ZONEWRIGHT_CRASH_AT: point } });
    assert.equal(signal, 'SIGKILL', `${point}: ${stderr}`);
    await cli(node, 'vmadm', ['delete', randomUUID()]);
    const vm = await get();
    assert.deepEqual([vm['state'], vm['autoboot']], ['running', true], point);
    assert.equal((await cli(node, 'vmadm', ['stop', '-F', uuid])).status, 0);
    const { datasets, instances, ...running } = await tracesOn(node, uuid);
    assert.deepEqual([datasets.length, instances], [2, [`${uuid}.json`]], point);
    assert.deepEqual({ ...running, datasets: [], instances: [] }, NO_TRACES, point);
  }
});

test('a stop killed at any step is complete once the next command ran, and leaves nothing of the machine\'s process', async () => {
  for (const point of POINTS) {
    assert.equal((await cli(node, 'vmadm', ['start', uuid])).status, 0);
    const { signal, stderr } = await cli(node, 'vmadm', ['stop', '-F', uuid], { environment: { ZONEWRIGHT_CRASH_AT: point } });
    assert.equal(signal, 'SIGKILL', `${point}: ${stderr}`);
    await cli(node, 'vmadm', ['delete', randomUUID()]);
    const vm = await get();
    assert.deepEqual([vm['state'], vm['autoboot'], 'pid' in vm], ['stopped', false, false], point);
    const { datasets, instances, ...running } = await tracesOn(node, uuid);
    assert.deepEqual([datasets.length, instances], [2, [`${uuid}.json`]], point);
    assert.deepEqual({ ...running, datasets: [], instances: [] }, NO_TRACES, point);
  }
});
