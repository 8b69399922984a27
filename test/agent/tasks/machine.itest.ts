/** Tasks on a machine: the same as on a zone, and what only a machine has. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { nodeTaskHost } from '../../../agent/tasks/node-host.ts';
import { newMemoryStore } from '../../../agent/tasks/record.ts';
import { openTasks, type Tasks } from '../../../agent/tasks/tasks.ts';
import { openEngine } from '../../../vmadm/open-engine.ts';
import { scratchNode, type ScratchNode } from '../../support/scratch-node.ts';
import { tinyMachineImage } from '../../support/seed-images.ts';
import { doTask, silentLog } from '../../support/task-contract.ts';

let node: ScratchNode;
let tasks: Tasks;
let image: string;

before(async () => {
  node = await scratchNode();
  image = await tinyMachineImage(node);
  tasks = await openTasks({ host: nodeTaskHost(node, { openEngine, leave: () => undefined }), store: newMemoryStore(), log: silentLog() });
});
after(() => node.remove());

test('a machine is made, tells of its screen, is shut down by force and destroyed', async () => {
  const uuid = randomUUID();
  const payload = { uuid, brand: 'kvm', ram: 128, vcpus: 1, disks: [{ boot: true, model: 'virtio', image_uuid: image }] };
  const made = await doTask(tasks, 'machine_create', payload);
  assert.equal(made.status, 'complete', made.error?.error);
  const vm = made.result?.['vm'] as Record<string, unknown>;
  assert.deepEqual([vm['brand'], vm['state'], vm['hvm']], ['kvm', 'running', true]);
  const info = await doTask(tasks, 'machine_info', { uuid, types: ['vnc'] });
  assert.equal(info.status, 'complete', info.error?.error);
  assert.deepEqual(Object.keys(info.result ?? {}), ['vnc']);
  assert.equal((await doTask(tasks, 'machine_info', { uuid, types: ['weather'] })).error?.details?.restCode, 'UnknownInfoType');
  const stopped = await doTask(tasks, 'machine_shutdown', { uuid, force: true });
  assert.equal((stopped.result?.['vm'] as Record<string, unknown>)['state'], 'stopped');
  assert.equal((await doTask(tasks, 'machine_info', { uuid, types: ['vnc'] })).error?.details?.restCode, 'InfoNeedsRunning');
  assert.deepEqual((await doTask(tasks, 'machine_destroy', { uuid })).result, {});
});
