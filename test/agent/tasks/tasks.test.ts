import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { z } from 'zod';
import { newSimulatedNode, type SimulatedNode } from '../../../agent/simulated/node.ts';
import { defineTask } from '../../../agent/tasks/definition.ts';
import type { TaskHost } from '../../../agent/tasks/host.ts';
import { performTask } from '../../../agent/tasks/perform.ts';
import { digestOf, newMemoryStore, openRecordStore, type TaskRecord } from '../../../agent/tasks/record.ts';
import { openTasks, type Tasks } from '../../../agent/tasks/tasks.ts';
import type { Engine } from '../../../vmadm/engine.ts';
import { doTask, HEAD, silentLog } from '../../support/task-contract.ts';

const directories: string[] = [];
let node: SimulatedNode;
let image: string;

beforeEach(() => {
  image = randomUUID();
  node = newSimulatedNode({ uuid: randomUUID() });
  node.addImage(image, { type: 'lx-dataset' });
});

after(async () => {
  for (const directory of directories) await rm(directory, { recursive: true, force: true });
});

async function scratch(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'zonewright-tasks-'));
  directories.push(directory);
  return directory;
}

async function openIn(directory: string, host: TaskHost = node.host): Promise<Tasks> {
  return openTasks({ host, store: await openRecordStore(directory), log: silentLog() });
}

function payload(uuid: string): Record<string, unknown> {
  return { uuid, brand: 'lx', kernel_version: '6.1.0', image_uuid: image, max_physical_memory: 64, customer_metadata: { password: 'hunter2' } };
}

/** A host whose engine tells of each start and stop, and waits until it is let on. */
function gated(host: TaskHost): { host: TaskHost; started: string[]; letOn: () => void } {
  const started: string[] = [];
  const gate = Promise.withResolvers<void>();
  const engine = async (...args: Parameters<TaskHost['engine']>): Promise<Engine> => {
    const real = await host.engine(...args);
    return {
      ...real,
      async start(uuid) {
        started.push(uuid);
        await gate.promise;
        return real.start(uuid);
      },
    };
  };
  return { host: { ...host, engine }, started, letOn: () => gate.resolve() };
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    assert.ok(tries < 2000, 'it did not come about');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('tasks on one instance run one after the other, those on others meanwhile', async () => {
  const { host, started, letOn } = gated(node.host);
  const tasks = await openIn(await scratch(), host);
  const [one, other] = [randomUUID(), randomUUID()];
  for (const uuid of [one, other]) await doTask(tasks, 'machine_create', { ...payload(uuid), autoboot: false });
  const ids = await Promise.all([one, one, other].map((uuid) => tasks.submit({ task: 'machine_boot', params: { uuid, idempotent: true } }, HEAD)));
  await until(() => started.includes(one) && started.includes(other));
  assert.deepEqual(started.filter((uuid) => uuid === one), [one], 'the second waits for the first');
  assert.equal((await tasks.wait(ids[1] ?? '', { milliseconds: 20 })).status, 'active');
  letOn();
  for (const id of ids) assert.equal((await tasks.wait(id, {})).status, 'complete');
  assert.equal(started.length, 3);
});

test('a paused agent takes no task, but tells of those that it knows and ends those that run', async () => {
  const tasks = await openIn(await scratch());
  const id = await tasks.submit({ task: 'nop', params: { sleep: 0.05 } }, HEAD);
  tasks.pause();
  await assert.rejects(tasks.submit({ task: 'nop', params: {} }, HEAD), { code: 'TasksPaused', httpStatus: 503 });
  assert.equal((await tasks.wait(id, {})).status, 'complete');
  tasks.resume();
  assert.equal((await doTask(tasks, 'nop', {})).status, 'complete');
});

test('who waits is answered when the time is over or he goes away, with the task as it is', async () => {
  const { host, letOn } = gated(node.host);
  const tasks = await openIn(await scratch(), host);
  const uuid = randomUUID();
  await doTask(tasks, 'machine_create', { ...payload(uuid), autoboot: false });
  const id = await tasks.submit({ task: 'machine_boot', params: { uuid } }, HEAD);
  const gone = new AbortController();
  const waiting = tasks.wait(id, { signal: gone.signal });
  gone.abort();
  assert.equal((await waiting).status, 'active');
  assert.equal((await tasks.wait(id, { milliseconds: 1 })).status, 'active');
  letOn();
  assert.equal((await tasks.wait(id, { milliseconds: 60_000 })).status, 'complete');
  await assert.rejects(tasks.wait(randomUUID(), {}), { code: 'NoSuchTask' });
  assert.throws(() => tasks.find('../x'), { code: 'NoSuchTask' });
});

test('the history tells the last tasks in order, failures as the field does, and nothing that is secret', async () => {
  const tasks = await openIn(await scratch());
  await doTask(tasks, 'machine_create', payload(randomUUID()));
  await doTask(tasks, 'nop', { error: 'no' });
  await doTask(tasks, 'command_execute', { script: '#!/bin/sh\necho hunter2\n', env: { TOKEN: 'hunter2' }, args: ['hunter2'] });
  const history = tasks.history();
  assert.deepEqual(history.map(({ task, status, errorCount }) => [task, status, errorCount]), [['machine_create', 'finished', 0], ['nop', 'finished', 1], ['command_execute', 'finished', 0]]);
  assert.ok(!JSON.stringify(history).includes('hunter2'));
  for (let count = 0; count < 100; count++) await doTask(tasks, 'nop', {});
  assert.equal(tasks.history().length, 64);
});

test('what is on disk of a task that is over holds its outcome and no secret, and only root can read it', async () => {
  const directory = await scratch();
  const tasks = await openIn(directory);
  const [id, uuid] = [randomUUID(), randomUUID()];
  await doTask(tasks, 'machine_create', { ...payload(uuid), internal_metadata: { root_pw: 'hunter3' } }, id);
  const path = join(directory, `${id}.json`);
  const text = await readFile(path, 'utf8');
  const { params, status } = JSON.parse(text) as TaskRecord;
  assert.equal(status, 'complete');
  assert.deepEqual([params['uuid'], params['customer_metadata'], params['internal_metadata']], [uuid, '(hidden)', '(hidden)']);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
});

test('a task that is over is known to the next agent, under its id, and does not run again', async () => {
  const directory = await scratch();
  const first = await openIn(directory);
  const [id, uuid] = [randomUUID(), randomUUID()];
  await doTask(first, 'machine_create', payload(uuid), id);
  await (await node.host.engine({ ...HEAD, signal: new AbortController().signal, onEvent: () => undefined })).delete(uuid);
  const second = await openIn(directory);
  assert.deepEqual(second.find(id), first.find(id));
  assert.equal(await second.submit({ task: 'machine_create', params: payload(uuid), id }, HEAD), id);
  assert.equal((await doTask(second, 'machine_load', { uuid })).status, 'failure', 'it was not created again');
  await assert.rejects(second.submit({ task: 'machine_destroy', params: { uuid }, id }, HEAD), { code: 'TaskIdTaken' });
  assert.equal(second.history().length, 2);
});

/** What an agent that died while a task ran leaves. */
async function leave(directory: string, task: string, params: Record<string, unknown>, more: Partial<TaskRecord> = {}): Promise<string> {
  const id = randomUUID();
  const record: TaskRecord = { version: 1, id, named: true, task, params, digest: digestOf(task, params), requestId: 'r', askedBy: 'head', acceptedAt: new Date(Date.now() - 1000).toISOString(), attempts: 1, status: 'active', ...more };
  await writeFile(join(directory, `${id}.json`), JSON.stringify(record));
  return id;
}

test('a create that a dead agent had finished is complete; one of which nothing is left is begun again, once what was left is settled', async () => {
  const directory = await scratch();
  const [done, undone] = [randomUUID(), randomUUID()];
  await doTask(await openIn(await scratch()), 'machine_create', { ...payload(done), alias: 'kept' });
  const ids = [await leave(directory, 'machine_create', payload(done)), await leave(directory, 'machine_create', payload(undone))];
  const settled: string[] = [];
  const tasks = await openIn(directory, { ...node.host, settle: async (uuid) => void settled.push(uuid) });
  const [first, second] = await Promise.all(ids.map((id) => tasks.wait(id, {})));
  assert.equal((first?.result?.['vm'] as { alias: string }).alias, 'kept');
  assert.equal((second?.result?.['vm'] as { uuid: string }).uuid, undone);
  assert.deepEqual(settled.sort(), [done, undone].sort());
});

test('a command that ran when the agent died is reported as failed, and not run again', async () => {
  const directory = await scratch();
  const id = await leave(directory, 'command_execute', { script: '#!/bin/sh\n' });
  let runs = 0;
  const execute: TaskHost['execute'] = async (...args) => (runs++, node.host.execute(...args));
  const tasks = await openIn(directory, { ...node.host, execute });
  const { status, error } = await tasks.wait(id, {});
  assert.equal(status, 'failure');
  assert.equal(error?.details?.restCode, 'TaskInterrupted');
  assert.equal(tasks.history()[0]?.status, 'failed');
  assert.equal(runs, 0);
  assert.equal((await openIn(directory)).find(id).status, 'failure', 'it stays so');
});

test('a task that agents die of again and again is given up', async () => {
  const directory = await scratch();
  const uuid = randomUUID();
  const id = await leave(directory, 'machine_create', payload(uuid), { attempts: 3 });
  const tasks = await openIn(directory);
  assert.equal((await tasks.wait(id, {})).error?.details?.restCode, 'TaskGivenUp');
  assert.equal((await doTask(tasks, 'machine_load', { uuid })).status, 'failure');
});

test('an update that took place before the agent died is not made again, a reboot neither', async () => {
  const directory = await scratch();
  const uuid = randomUUID();
  await doTask(await openIn(await scratch()), 'machine_create', payload(uuid));
  const calls: string[] = [];
  const host: TaskHost = {
    ...node.host,
    async engine(caller) {
      const real = await node.host.engine(caller);
      return {
        ...real,
        update: async (...args) => (calls.push('update'), real.update(...args)),
        reboot: async (...args) => (calls.push('reboot'), real.reboot(...args)),
      };
    },
  };
  const before_ = { acceptedAt: new Date(Date.now() - 60_000).toISOString() };
  const late = { acceptedAt: new Date(Date.now() + 60_000).toISOString() };
  const ids = [await leave(directory, 'machine_update', { uuid, alias: 'a' }, before_), await leave(directory, 'machine_reboot', { uuid }, before_)];
  const first = await openIn(directory, host);
  for (const id of ids) assert.equal((await first.wait(id, {})).status, 'complete');
  assert.deepEqual(calls, []);
  const again = [await leave(directory, 'machine_update', { uuid, alias: 'a' }, late), await leave(directory, 'machine_reboot', { uuid }, late)];
  const second = await openIn(directory, host);
  for (const id of again) assert.equal((await second.wait(id, {})).status, 'complete');
  assert.deepEqual(calls.sort(), ['reboot', 'update']);
});

test('records that are damaged or not ours do not keep an agent from starting', async () => {
  const directory = await scratch();
  await writeFile(join(directory, `${randomUUID()}.json`), '{"version":1,');
  await writeFile(join(directory, `${randomUUID()}.json`), '{"version":1,"id":"other"}');
  await writeFile(join(directory, 'notes.txt'), 'x');
  assert.deepEqual((await openIn(directory)).history(), []);
});

test('a task that cannot be written down is not begun', async () => {
  let begun = 0;
  const host: TaskHost = { ...node.host, engine: (caller) => (begun++, node.host.engine(caller)) };
  const store = { ...newMemoryStore(), save: async () => Promise.reject(new Error('no space')) };
  const tasks = await openTasks({ host, store, log: silentLog() });
  const id = randomUUID();
  await assert.rejects(tasks.submit({ task: 'machine_boot', params: { uuid: randomUUID() }, id }, HEAD), /no space/);
  assert.throws(() => tasks.find(id), { code: 'NoSuchTask' });
  assert.equal(begun, 0);
});

test('a task whose time is over is stopped and says so', async () => {
  const definition = defineTask({
    queue: 'test',
    params: z.looseObject({}),
    seconds: 0.02,
    afterDeath: 'fail',
    run: (_, { signal }) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('stopped')), { once: true })),
  });
  const record = { task: 'slow', params: {}, requestId: 'r', askedBy: 'head', acceptedAt: new Date().toISOString() } as unknown as TaskRecord;
  const { outcome } = await performTask({ definition, record, host: node.host, isResumed: false, onProgress: () => undefined });
  assert.equal(outcome.error?.details?.restCode, 'TaskTimedOut');
});

test('errors that are not ours are told without their words', async () => {
  const host: TaskHost = { ...node.host, sysinfo: async () => Promise.reject(new Error('password is hunter2')) };
  const { error } = await doTask(await openIn(await scratch(), host), 'server_sysinfo', {});
  assert.equal(error?.error, "internal error; the agent's log says more under request contract");
});

test('what is removed is gone from disk too', async () => {
  const directory = await scratch();
  const old = { finishedAt: new Date(Date.now() - 8 * 86_400_000).toISOString(), status: 'complete' } as const;
  const id = await leave(directory, 'nop', {}, old);
  const tasks = await openIn(directory);
  await doTask(tasks, 'nop', {}, randomUUID());
  await until(() => !existsSync(join(directory, `${id}.json`)));
  assert.throws(() => tasks.find(id), { code: 'NoSuchTask' });
});
