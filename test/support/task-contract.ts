/** What tasks do on every node, real or simulated. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { newLog } from '../../agent/log.ts';
import { newMemoryStore } from '../../agent/tasks/record.ts';
import { openTasks, type Tasks } from '../../agent/tasks/tasks.ts';
import type { TaskHost } from '../../agent/tasks/host.ts';
import type { Task, TaskParams } from '../../agent/wire/tasks.ts';
import { PassThrough } from 'node:stream';

export interface ContractNode {
  readonly host: TaskHost;
  /** An installed image of type lx-dataset. */
  readonly image: string;
  close(): Promise<void>;
}

export const HEAD = { requestId: 'contract', askedBy: 'head', isHead: true } as const;

export function silentLog() {
  return newLog(new PassThrough().resume());
}

/** Have a task done. */
export async function doTask(tasks: Tasks, task: string, params: TaskParams, id?: string): Promise<Task> {
  return tasks.wait(await tasks.submit({ task, params, ...(id !== undefined && { id }) }, HEAD), {});
}

export function testTaskContract(kind: string, open: () => Promise<ContractNode>): void {
  let node: ContractNode;
  let tasks: Tasks;
  let address = 100;

  before(async () => {
    node = await open();
    tasks = await openTasks({ host: node.host, store: newMemoryStore(), log: silentLog() });
  });
  after(() => node?.close());

  const payload = (more: TaskParams = {}): TaskParams & { readonly uuid: string } => ({
    uuid: randomUUID(),
    brand: 'lx',
    kernel_version: '6.1.0',
    image_uuid: node.image,
    quota: 1,
    max_physical_memory: 64,
    nics: [{ nic_tag: 'admin', ip: `10.77.0.${address++}`, netmask: '255.255.255.0' }],
    ...more,
  });
  const run = (task: string, params: TaskParams): Promise<Task> => doTask(tasks, task, params);
  const create = async (more: TaskParams = {}): Promise<string> => {
    const wanted = payload(more);
    const { status, error } = await run('machine_create', wanted);
    assert.equal(status, 'complete', error?.error);
    return wanted.uuid;
  };
  const stateOf = async (uuid: string): Promise<unknown> => (await run('machine_load', { uuid })).result?.['state'];
  const restCode = ({ status, error }: Task): unknown => {
    assert.equal(status, 'failure');
    return error?.details?.restCode;
  };

  test(`${kind}: machine_create makes a running instance and tells all of it; machine_destroy takes it away, and again`, async () => {
    const wanted = payload({ alias: 'made', image: { uuid: node.image, name: 'x' }, firewall_rules: [] });
    const { status, result, progress } = await run('machine_create', wanted);
    assert.equal(status, 'complete');
    const vm = result?.['vm'] as TaskParams;
    assert.deepEqual([vm['uuid'], vm['alias'], vm['state'], vm['server_uuid']], [wanted.uuid, 'made', 'running', node.host.serverUuid]);
    assert.equal(progress, 100);
    assert.deepEqual((await run('machine_destroy', { uuid: wanted.uuid })).result, {});
    assert.deepEqual((await run('machine_destroy', { uuid: wanted.uuid })).result, {});
    assert.equal(restCode(await run('machine_load', { uuid: wanted.uuid })), 'VmNotFound');
  });

  test(`${kind}: machine_create without a uuid makes one up, and tells`, async () => {
    const { uuid: _, ...anonymous } = payload({ autoboot: false });
    const { result } = await run('machine_create', anonymous);
    const { uuid } = result?.['vm'] as { readonly uuid: string };
    assert.equal(await stateOf(uuid), 'stopped');
    await run('machine_destroy', { uuid });
  });

  test(`${kind}: machine_create of an instance that exists is refused and leaves it alone`, async () => {
    const uuid = await create({ alias: 'first', autoboot: false });
    const again = await run('machine_create', payload({ uuid, alias: 'second' }));
    assert.equal(again.error?.error, `Machine ${uuid} exists.`);
    assert.equal(again.error?.vm, undefined);
    assert.equal((await run('machine_load', { uuid })).result?.['alias'], 'first');
    await run('machine_destroy', { uuid });
  });

  test(`${kind}: machine_create with a payload that the rules refuse says why, and leaves nothing`, async () => {
    const wanted = payload({ nics: [{ nic_tag: 'nowhere', ip: '10.77.0.9', netmask: '255.255.255.0' }] });
    const { status, error } = await run('machine_create', wanted);
    assert.equal(status, 'failure');
    assert.match(error?.error ?? '', /Invalid nic tag "nowhere"/);
    assert.equal(error?.vm, undefined);
    assert.equal(restCode(await run('machine_load', { uuid: wanted.uuid })), 'VmNotFound');
  });

  test(`${kind}: machine_create refuses firewall rules instead of forgetting them`, async () => {
    const { error } = await run('machine_create', payload({ firewall_rules: [{ rule: 'FROM any TO all vms ALLOW tcp PORT 22' }] }));
    assert.equal(error?.details?.restCode, 'FirewallUnsupported');
  });

  test(`${kind}: machine_shutdown and machine_boot say when there is nothing to do, unless they may find it so`, async () => {
    const uuid = await create();
    assert.equal(restCode(await run('machine_boot', { uuid })), 'VmAlreadyRunning');
    assert.equal((await run('machine_boot', { uuid, idempotent: 'true' })).status, 'complete');
    const stopped = await run('machine_shutdown', { uuid, force: true });
    assert.equal((stopped.result?.['vm'] as TaskParams)['state'], 'stopped');
    assert.equal(restCode(await run('machine_shutdown', { uuid })), 'VmNotRunning');
    assert.equal((await run('machine_shutdown', { uuid, idempotent: true })).status, 'complete');
    const booted = await run('machine_boot', { uuid, update: { alias: 'renamed' } });
    const vm = booted.result?.['vm'] as TaskParams;
    assert.deepEqual([vm['state'], vm['alias']], ['running', 'renamed']);
    await run('machine_destroy', { uuid });
  });

  test(`${kind}: machine_reboot boots again; of one that is stopped only when it is told to take it as it is`, async () => {
    const uuid = await create();
    const bootTime = (task: Task): unknown => (task.result?.['vm'] as TaskParams)['boot_timestamp'];
    const first = (await run('machine_load', { uuid })).result?.['boot_timestamp'];
    const rebooted = await run('machine_reboot', { uuid, force: true });
    assert.equal(rebooted.status, 'complete', rebooted.error?.error);
    assert.notEqual(bootTime(rebooted), first);
    await run('machine_shutdown', { uuid, force: true });
    assert.equal((await run('machine_reboot', { uuid })).status, 'failure');
    assert.equal((await run('machine_reboot', { uuid, idempotent: true })).status, 'complete');
    assert.equal(await stateOf(uuid), 'running');
    await run('machine_destroy', { uuid });
  });

  test(`${kind}: machine_update changes properties and tells the instance as it is then`, async () => {
    const uuid = await create({ autoboot: false });
    const { result } = await run('machine_update', { uuid, alias: 'other', set_tags: { color: 'blue' } });
    const vm = result?.['vm'] as TaskParams;
    assert.deepEqual([vm['alias'], vm['tags']], ['other', { color: 'blue' }]);
    assert.equal((await run('machine_update', { uuid, add_nics: [{ nic_tag: 'nowhere' }] })).status, 'failure');
    await run('machine_destroy', { uuid });
  });

  test(`${kind}: what an instance must not be asked for by inventories is loaded only by name`, async () => {
    const uuid = await create({ autoboot: false, do_not_inventory: true });
    assert.equal(restCode(await run('machine_load', { uuid })), 'VmNotFound');
    assert.equal((await run('machine_load', { uuid, include_dni: 'true' })).result?.['uuid'], uuid);
    await run('machine_destroy', { uuid });
  });

  test(`${kind}: tasks on an instance that does not exist say so by the code that clients know`, async () => {
    const uuid = randomUUID();
    for (const task of ['machine_load', 'machine_boot', 'machine_shutdown', 'machine_reboot', 'machine_update', 'machine_info']) {
      assert.equal(restCode(await run(task, { uuid, alias: 'x' })), 'VmNotFound', task);
    }
  });

  test(`${kind}: machine_destroy of an instance that is indestructible is refused`, async () => {
    const uuid = await create({ autoboot: false, indestructible_zoneroot: true });
    assert.equal(restCode(await run('machine_destroy', { uuid })), 'IndestructibleZoneroot');
    await run('machine_update', { uuid, indestructible_zoneroot: false });
    assert.equal((await run('machine_destroy', { uuid })).status, 'complete');
  });

  test(`${kind}: of tasks on one instance at the same moment each finds it as the one before left it`, async () => {
    const uuid = await create({ autoboot: false });
    const outcomes = await Promise.all(['machine_boot', 'machine_boot', 'machine_boot'].map((task) => run(task, { uuid })));
    assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['complete', 'failure', 'failure']);
    await run('machine_destroy', { uuid });
  });

  test(`${kind}: one request under one id makes one instance, however often and however parallel it is sent`, async () => {
    const [id, wanted] = [randomUUID(), payload({ autoboot: false })];
    const sent = await Promise.all([1, 2, 3].map(() => doTask(tasks, 'machine_create', wanted, id)));
    assert.deepEqual(sent.map(({ id: known, status }) => [known, status]), sent.map(() => [id, 'complete']));
    assert.equal((await doTask(tasks, 'machine_create', wanted, id)).status, 'complete');
    await assert.rejects(tasks.submit({ task: 'machine_create', params: { ...wanted, alias: 'another' }, id }, HEAD), { code: 'TaskIdTaken' });
    await run('machine_destroy', { uuid: wanted.uuid });
  });

  test(`${kind}: image_ensure_present is content with an image that is there, and refuses one that nobody has and another pool`, async () => {
    assert.deepEqual((await run('image_ensure_present', { image_uuid: node.image })).result, {});
    assert.equal((await run('image_ensure_present', { image_uuid: randomUUID() })).status, 'failure');
    assert.equal(restCode(await run('image_ensure_present', { image_uuid: node.image, zfs_storage_pool_name: 'tank' })), 'OtherPool');
  });

  test(`${kind}: server_sysinfo tells of this node; nop sleeps and fails as it is told`, async () => {
    const { result } = await run('server_sysinfo', {});
    assert.equal((result?.['sysinfo'] as TaskParams)['UUID'], node.host.serverUuid);
    assert.deepEqual((await run('nop', { sleep: '0.01' })).result, {});
    assert.equal((await run('nop', { error: 'on purpose' })).error?.error, 'on purpose');
  });

  test(`${kind}: command_execute wants a script with an interpreter, and is for head nodes alone`, async () => {
    assert.equal((await run('command_execute', { script: '#!/bin/true\n' })).result?.['exitCode'], 0);
    assert.equal(restCode(await run('command_execute', { script: 'true' })), 'ScriptInvalid');
    await assert.rejects(tasks.submit({ task: 'command_execute', params: { script: '#!/bin/true\n' } }, { ...HEAD, isHead: false }), { code: 'TaskNotForCaller' });
  });

  test(`${kind}: a request that is not one is refused before anything of it is kept`, async () => {
    const bad: ReadonlyArray<readonly [string, TaskParams, string]> = [
      ['machine_load', {}, 'TaskRequestInvalid'],
      ['machine_load', { uuid: '../../etc' }, 'TaskRequestInvalid'],
      ['machine_destroy', { uuid: randomUUID().toUpperCase() }, 'TaskRequestInvalid'],
      ['machine_create', { uuid: 5 }, 'TaskRequestInvalid'],
      ['image_ensure_present', { image_uuid: 'x' }, 'TaskRequestInvalid'],
      ['command_execute', { script: '#!/bin/sh\n', env: { 'A=B': 'x' } }, 'TaskRequestInvalid'],
      ['command_execute', { script: '#!/bin/sh\n', timeout: -1 }, 'TaskRequestInvalid'],
      ['machine_teleport', {}, 'TaskUnknown'],
      ['__proto__', {}, 'TaskUnknown'],
      ['constructor', {}, 'TaskUnknown'],
    ];
    const length = tasks.history().length;
    for (const [task, params, code] of bad) await assert.rejects(tasks.submit({ task, params }, HEAD), { code }, `${task} ${JSON.stringify(params)}`);
    assert.equal(tasks.history().length, length);
  });
}
