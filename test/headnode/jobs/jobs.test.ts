import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openDatabase } from '../../../headnode/db/open-database.ts';
import type { Database } from '../../../headnode/db/database.ts';
import { headErrors } from '../../../headnode/errors.ts';
import { openJobs, type OpenJobs } from '../../../headnode/jobs/open-jobs.ts';
import type { Workflow, WorkflowStep } from '../../../headnode/services.ts';

const ASKER = { requestId: 'test', by: 'operator' };
const WAIT_SECONDS = 120;

let database: Database;
let jobs: OpenJobs;
const log: string[] = [];
const errors: string[] = [];

before(async () => {
  database = await openDatabase({ kind: 'pglite' });
  jobs = await openJobs({ database, onError: (what, error) => void errors.push(`${what}: ${String(error)}`) });
  for (const workflow of [STEPS, BROKEN, SLOW, UNREACHABLE, BACK_LATER, ORDERED, FLAKY_UNDO]) jobs.define(workflow);
  await jobs.begin();
});

after(async () => {
  await jobs.close();
  await database.close();
});

const step = (name: string, more: Partial<WorkflowStep> = {}): WorkflowStep => ({
  name,
  timeoutSeconds: 60,
  async run() {
    log.push(name);
    return { evidence: `${name} done`, state: { [name]: true } };
  },
  ...more,
});

const undone = (name: string) => async () => void log.push(`un-${name}`);

const STEPS: Workflow = { name: 'steps', steps: [step('one'), step('two', { run: async ({ state }) => ({ evidence: `one left ${String(state['one'])}`, state: { server_uuid: '11111111-1111-4111-8111-111111111111' } }) })] };

test('a job takes its steps in order and keeps the evidence of each', async () => {
  const job = await jobs.start('steps', { params: { asked: 'for' }, lock: 'a', vmUuid: '22222222-2222-4222-8222-222222222222', asker: ASKER });
  assert.equal(job.execution, 'queued');
  const ended = await jobs.wait(job.uuid, WAIT_SECONDS);
  assert.equal(ended.execution, 'succeeded');
  assert.deepEqual(ended.chain_results.map(({ name, result, error }) => [name, result, error]), [['one', 'one done', ''], ['two', 'one left true', '']]);
  assert.ok(ended.chain_results.every(({ started_at, finished_at }) => started_at <= String(finished_at)));
  assert.equal(ended.server_uuid, '11111111-1111-4111-8111-111111111111');
  assert.deepEqual(ended.params, { asked: 'for' });
  assert.deepEqual((await jobs.list({ vmUuid: '22222222-2222-4222-8222-222222222222' })).map(({ uuid }) => uuid), [job.uuid]);
});

const BROKEN: Workflow = {
  name: 'broken',
  steps: [
    step('reserve', { compensate: undone('reserve') }),
    step('look'),
    step('make', {
      async run() {
        throw headErrors.TaskFailed({ task: 'make', server: 'node1', reason: 'no room' });
      },
      async compensate({ failure, state }) {
        log.push(`un-make because ${failure} with ${Object.keys(state).join(',')}`);
      },
    }),
    step('never', { compensate: undone('never') }),
  ],
};

test('a step that fails for good is taken back, with those before it, the last one first', async () => {
  log.length = 0;
  const ended = await jobs.wait((await jobs.start('broken', { params: {}, lock: 'b', asker: ASKER })).uuid, WAIT_SECONDS);
  assert.equal(ended.execution, 'failed');
  assert.deepEqual(log, ['reserve', 'look', 'un-make because make: task make failed on server node1: no room with look,reserve', 'un-reserve']);
  assert.equal(ended.chain_results.at(-1)?.error, 'task make failed on server node1: no room');
  assert.deepEqual((ended['onerror_results'] as Array<{ name: string; result: string }>).map(({ name, result }) => [name, result]), [['make', 'OK'], ['reserve', 'OK']]);
});

const SLOW: Workflow = {
  name: 'slow',
  steps: [step('endless', { timeoutSeconds: 1, run: ({ signal }) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))), compensate: undone('endless') })],
};

test('a step that outlasts its time fails, and is taken back', async () => {
  log.length = 0;
  const ended = await jobs.wait((await jobs.start('slow', { params: {}, lock: 'c', asker: ASKER })).uuid, WAIT_SECONDS);
  assert.equal(ended.execution, 'failed');
  assert.equal(ended.chain_results[0]?.error, 'not done within 1 s');
  assert.deepEqual(log, ['un-endless']);
});

const unreachable = (): never => {
  throw headErrors.ServerUnreachable({ server: 'node1', reason: 'no answer' });
};
const UNREACHABLE: Workflow = { name: 'unreachable', steps: [step('ask', { timeoutSeconds: 2, run: async () => unreachable() })] };

test('an unreachable node is asked again until the step’s time is over', async () => {
  const ended = await jobs.wait((await jobs.start('unreachable', { params: {}, lock: 'd', asker: ASKER })).uuid, WAIT_SECONDS);
  assert.equal(ended.execution, 'failed');
  assert.match(String(ended.chain_results[0]?.error), /^given up after 2 s: server node1 cannot be reached: no answer$/);
  assert.ok(Number(ended['num_attempts']) > 1, 'it was tried more than once');
});

let asked = 0;
const BACK_LATER: Workflow = {
  name: 'back later',
  steps: [
    step('before'),
    step('ask', {
      async run() {
        asked += 1;
        return asked < 3 ? unreachable() : { evidence: `asked ${asked} times` };
      },
    }),
  ],
};

test('a node that comes back lets the job go on where it waited, without doing the earlier steps again', async () => {
  log.length = 0;
  const ended = await jobs.wait((await jobs.start('back later', { params: {}, lock: 'e', asker: ASKER })).uuid, WAIT_SECONDS);
  assert.equal(ended.execution, 'succeeded');
  assert.deepEqual(log, ['before']);
  assert.equal(ended.chain_results[1]?.result, 'asked 3 times');
});

const spans: Array<{ readonly lock: string; readonly number: number; readonly at: 'begin' | 'end' }> = [];
const ORDERED: Workflow = {
  name: 'ordered',
  steps: [
    step('work', {
      async run({ params }) {
        const { lock, number } = params as { lock: string; number: number };
        spans.push({ lock, number, at: 'begin' });
        await new Promise((resolve) => setTimeout(resolve, 30));
        spans.push({ lock, number, at: 'end' });
        return { evidence: 'worked' };
      },
    }),
  ],
};

test('jobs of one lock run one after the other in the order they were asked for, others beside them', async () => {
  const started = [];
  for (const number of [0, 1, 2, 3]) for (const lock of ['x', 'y', 'z']) started.push(await jobs.start('ordered', { params: { lock, number }, lock, asker: ASKER }));
  for (const { uuid } of started) assert.equal((await jobs.wait(uuid, WAIT_SECONDS)).execution, 'succeeded');
  for (const lock of ['x', 'y', 'z']) {
    const own = spans.filter((span) => span.lock === lock).map(({ number, at }) => `${at} ${number}`);
    assert.deepEqual(own, [0, 1, 2, 3].flatMap((number) => [`begin ${number}`, `end ${number}`]));
  }
});

test('a job with a failed one before it under the same lock still runs', async () => {
  const first = await jobs.start('broken', { params: {}, lock: 'same', asker: ASKER });
  const second = await jobs.start('steps', { params: {}, lock: 'same', asker: ASKER });
  assert.equal((await jobs.wait(second.uuid, WAIT_SECONDS)).execution, 'succeeded');
  assert.equal((await jobs.get(first.uuid))?.execution, 'failed');
});

let undoTries = 0;
const FLAKY_UNDO: Workflow = {
  name: 'flaky undo',
  steps: [
    step('make', {
      async run() {
        throw headErrors.InvalidArgument({ reason: 'not like this' });
      },
      async compensate() {
        undoTries += 1;
        if (undoTries < 3) unreachable();
      },
    }),
  ],
};

test('a job is told to have failed as soon as that is decided; what must be taken back goes on until it is', async () => {
  const { uuid } = await jobs.start('flaky undo', { params: {}, lock: 'f', asker: ASKER });
  const ended = await jobs.wait(uuid, WAIT_SECONDS);
  assert.equal(ended.execution, 'failed');
  const deadline = Date.now() + WAIT_SECONDS * 1000;
  while (!(await jobs.get(uuid))?.['settled'] && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal((await jobs.get(uuid))?.['settled'], true);
  assert.equal(undoTries, 3);
  assert.equal(await jobs.isBusy('f'), false);
});

test('waiting ends when the time is over, with the job as it is', async () => {
  const { uuid } = await jobs.start('unreachable', { params: {}, lock: 'g', asker: ASKER });
  assert.ok(['queued', 'running'].includes((await jobs.wait(uuid, 0)).execution));
  await jobs.wait(uuid, WAIT_SECONDS);
});

test('a job that is not there cannot be waited for, and is not found', async () => {
  await assert.rejects(jobs.wait('99999999-9999-4999-8999-999999999999', 1), { code: 'ResourceNotFound' });
  assert.equal(await jobs.get('99999999-9999-4999-8999-999999999999'), undefined);
});

test('what a job was given in secret is not told, and not kept when it has ended', async () => {
  const job = await jobs.start('steps', { params: {}, state: { password: 'hunter2' }, lock: 'h', asker: ASKER });
  const ended = await jobs.wait(job.uuid, WAIT_SECONDS);
  assert.ok(!JSON.stringify([job, ended]).includes('hunter2'));
  const rows = await database.query<{ row: string }>('SELECT jobs::text AS row FROM jobs WHERE uuid = $1', [job.uuid]);
  assert.ok(!rows[0]?.row.includes('hunter2'));
});

test('a job whose transaction is rolled back was never there', async () => {
  let uuid = '';
  await assert.rejects(
    database.transaction(async (queries) => {
      uuid = (await jobs.startWithin(queries, 'steps', { params: {}, lock: 'i', asker: ASKER })).uuid;
      throw new Error('no');
    }),
  );
  assert.equal(await jobs.get(uuid), undefined);
  assert.equal(await jobs.isBusy('i'), false);
});
