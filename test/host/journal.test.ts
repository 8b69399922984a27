import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { verifyAudit } from '../../host/journal/audit.ts';
import { performPlan } from '../../host/journal/perform.ts';
import { recoverOperations } from '../../host/journal/recover.ts';
import { takeLock } from '../../host/lock/lock.ts';
import { filePlan, performerIn, prepareDesk } from './fixtures/file-plan.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'zw-journal-'));
  await prepareDesk(directory);
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const POINTS = ['intent', 'before:1', 'after:1', 'before:2', 'after:2', 'before:3', 'after:3', 'before:commit'];

for (const point of POINTS) {
  test(`a create killed at ${point} leaves nothing after recovery`, async () => {
    crash('file.make', point);
    const [recovered] = await recoverOperations(directory, performerIn(directory));
    assert.equal(recovered?.outcome, 'undone');
    assert.deepEqual(await left(), { work: [], journal: [] });
  });

  test(`a delete killed at ${point} is complete after recovery`, async () => {
    for (const name of ['a', 'b', 'c']) await writeFile(join(directory, 'work', name), '');
    crash('file.remove', point);
    const [recovered] = await recoverOperations(directory, performerIn(directory));
    assert.equal(recovered?.outcome, 'resumed');
    assert.deepEqual(await left(), { work: [], journal: [] });
  });
}

test('a create killed after its commit is kept', async () => {
  crash('file.make', 'after:commit');
  const [recovered] = await recoverOperations(directory, performerIn(directory));
  assert.equal(recovered?.outcome, 'was complete');
  assert.deepEqual(await left(), { work: ['a', 'b', 'c'], journal: [] });
});

test('an undo that is killed half-way is finished by the next recovery', async () => {
  crash('file.make', 'after:3');
  const module = new URL('../../host/journal/recover.ts', import.meta.url).href;
  const fixture = new URL('./fixtures/file-plan.ts', import.meta.url).href;
  const program = `import { recoverOperations } from '${module}'; import { performerIn } from '${fixture}';
    await recoverOperations(${JSON.stringify(directory)}, performerIn(${JSON.stringify(directory)}));`;
  const killed = spawnSync(process.execPath, ['--input-type=module', '-e', program], { env: { ...process.env, ZONEWRIGHT_CRASH_AT: 'undone:2' } });
  assert.equal(killed.signal, 'SIGKILL');
  assert.notDeepEqual((await left()).work, []);
  await recoverOperations(directory, performerIn(directory));
  assert.deepEqual(await left(), { work: [], journal: [] });
});

test('a failing step undoes what was done and its error reaches the caller', async () => {
  const lock = await takeLock({ scope: directory, name: 'desk', action: 'create' });
  await assert.rejects(performPlan(filePlan('file.make', ['a', 'b', 'c'], 'b'), lock, performerIn(directory)), /told to fail/);
  await lock.release();
  assert.deepEqual(await left(), { work: [], journal: [] });
});

test('an interrupted create is undone before the error is thrown', async () => {
  const interrupt = new AbortController();
  const performer = performerIn(directory, { signal: interrupt.signal, onEvent: (event) => event.step === 2 && interrupt.abort() });
  const lock = await takeLock({ scope: directory, name: 'desk', action: 'create' });
  await assert.rejects(performPlan(filePlan('file.make', ['a', 'b', 'c']), lock, performer), { code: 'OperationInterrupted', exitStatus: 130 });
  await lock.release();
  assert.deepEqual(await left(), { work: [], journal: [] });
});

test('recovery leaves alone what a living process is doing', async () => {
  crash('file.make', 'after:2');
  const lock = await takeLock({ scope: directory, name: 'desk', action: 'create' });
  assert.deepEqual(await recoverOperations(directory, performerIn(directory)), []);
  assert.deepEqual((await left()).work, ['a', 'b']);
  await lock.release();
});

test('every step is an event, with its place among all', async () => {
  const events: string[] = [];
  const performer = performerIn(directory, { onEvent: ({ step, steps, state, description }) => events.push(`${step}/${steps} ${state} ${description}`) });
  const lock = await takeLock({ scope: directory, name: 'desk', action: 'create' });
  await performPlan(filePlan('file.make', ['a', 'b']), lock, performer);
  await lock.release();
  assert.deepEqual(events, ['1/2 started make a', '1/2 done make a', '2/2 started make b', '2/2 done make b']);
});

test('the audit trail says who, what and how long, and shows when a record is changed', async () => {
  const lock = await takeLock({ scope: directory, name: 'desk', action: 'create' });
  for (const name of ['a', 'b', 'c']) await performPlan(filePlan('file.make', [name]), lock, performerIn(directory));
  await lock.release();
  const path = join(directory, 'audit.jsonl');
  const records = readFileSync(path, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(records.map(({ sequence, verb, by, outcome }) => ({ sequence, verb, by, outcome })), [
    { sequence: 1, verb: 'create', by: 'test', outcome: 'done' },
    { sequence: 2, verb: 'create', by: 'test', outcome: 'done' },
    { sequence: 3, verb: 'create', by: 'test', outcome: 'done' },
  ]);
  assert.deepEqual(await verifyAudit(path), []);
  const lines = (await readFile(path, 'utf8')).split('\n');
  lines[1] = (lines[1] ?? '').replace('"by":"test"', '"by":"other"');
  await writeFile(path, lines.join('\n'));
  assert.deepEqual(await verifyAudit(path), [2]);
});

function crash(kind: string, point: string): void {
  const fixture = join(import.meta.dirname, 'fixtures/file-plan.ts');
  const { signal, stderr } = spawnSync(process.execPath, [fixture, directory, kind], { env: { ...process.env, ZONEWRIGHT_CRASH_AT: point } });
  assert.equal(signal, 'SIGKILL', String(stderr));
}

async function left(): Promise<{ work: string[]; journal: string[] }> {
  return { work: await readdir(join(directory, 'work')), journal: await readdir(join(directory, 'journal')) };
}
