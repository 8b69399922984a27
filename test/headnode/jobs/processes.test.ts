/** Head processes that die, or stand still, while they have jobs in hand. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../../headnode/db/database.ts';
import { openDatabase, type DatabasePlace } from '../../../headnode/db/open-database.ts';
import { openJobs, type OpenJobs } from '../../../headnode/jobs/open-jobs.ts';
import type { Job } from '../../../headnode/services.ts';
import { ASKER, workflows, type JobProcess } from './job-process.ts';

const DEADLINE_MILLISECONDS = 180_000;

let base: string;
let place: DatabasePlace;
let database: Database;
const processes = new Set<ChildProcess>();

before(async () => {
  base = await mkdtemp(join(tmpdir(), 'zonewright-jobs-'));
  const url = process.env['ZONEWRIGHT_TEST_DATABASE'];
  place = url === undefined ? { kind: 'private-postgres', directory: base } : { kind: 'url', url };
  database = await openDatabase(place);
});

after(async () => {
  for (const child of processes) await end(child, 'SIGKILL');
  await database.close();
  await rm(base, { recursive: true, force: true });
});

function launch(work: JobProcess): ChildProcess {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'job-process.ts'), JSON.stringify(work)], { stdio: ['ignore', 'pipe', 'inherit'] });
  processes.add(child);
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }
  processes.delete(child);
}

async function until<Result>(what: string, look: () => Promise<Result | undefined>): Promise<Result> {
  const deadline = Date.now() + DEADLINE_MILLISECONDS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`not within ${DEADLINE_MILLISECONDS} ms: ${what}`);
    await sleep(50);
  }
}

/** What steps wrote: their names, and which process each was. */
async function journalOf(directory: string): Promise<ReadonlyArray<{ readonly step: string; readonly pid: number }>> {
  const text = await readFile(join(directory, 'journal'), 'utf8').catch(() => '');
  return text.split('\n').filter(Boolean).map((line) => ({ step: line.split(' ')[0] ?? '', pid: Number(line.split(' ')[1]) }));
}

/** The process that is in a step now. */
async function inStep(directory: string, step: string, among: readonly ChildProcess[]): Promise<ChildProcess> {
  return await until(`a process comes to ${step}`, async () => {
    const last = (await journalOf(directory)).at(-1);
    return last?.step === step ? among.find(({ pid }) => pid === last.pid) : undefined;
  });
}

interface Pair {
  readonly directory: string;
  readonly children: readonly ChildProcess[];
  readonly jobs: OpenJobs;
  close(): Promise<void>;
}

/** Two processes, and a third one (this) that only asks. */
async function openPair(): Promise<Pair> {
  const directory = await mkdtemp(join(base, 'pair-'));
  const children = [launch({ place, directory }), launch({ place, directory })];
  const jobs = await openJobs({ database, onError: () => undefined });
  for (const workflow of workflows(directory)) jobs.define(workflow);
  return {
    directory,
    children,
    jobs,
    async close() {
      for (const child of children) await end(child, 'SIGKILL');
      await jobs.close();
    },
  };
}

const go = async (directory: string): Promise<void> => await writeFile(join(directory, 'go'), '');
const stepsOf = (job: Job) => job.chain_results.map(({ name, error, finished_at: finished }) => [name, error, finished !== null]);

test('the job of a process that is killed is gone on with by another one, from the step that was in hand', { timeout: DEADLINE_MILLISECONDS * 2 }, async () => {
  const { directory, children, jobs, close } = await openPair();
  const { uuid } = await jobs.start('walk', { params: {}, lock: 'walk', asker: ASKER });
  await end(await inStep(directory, 'two', children), 'SIGKILL');
  await go(directory);
  const job = await jobs.wait(uuid, DEADLINE_MILLISECONDS / 1000);
  assert.equal(job.execution, 'succeeded');
  assert.deepEqual(stepsOf(job), [['one', '', true], ['two', '', true], ['three', '', true]]);
  const journal = await journalOf(directory);
  assert.deepEqual(journal.map(({ step }) => step), ['one', 'two', 'two', 'three']);
  assert.notEqual(journal[1]?.pid, journal[2]?.pid);
  await close();
});

test('what a process was taking back when it was killed is taken back by another one', { timeout: DEADLINE_MILLISECONDS * 2 }, async () => {
  const { directory, children, jobs, close } = await openPair();
  const { uuid } = await jobs.start('stumble', { params: {}, lock: 'stumble', asker: ASKER });
  await end(await inStep(directory, 'un-make', children), 'SIGKILL');
  await go(directory);
  const job = await jobs.wait(uuid, DEADLINE_MILLISECONDS / 1000);
  assert.equal(job.execution, 'failed');
  assert.deepEqual((await journalOf(directory)).map(({ step }) => step), ['one', 'make', 'un-make', 'un-make', 'un-one']);
  await close();
});

test('a process that stood still for a while and lost its job changes nothing when it goes on', { timeout: DEADLINE_MILLISECONDS * 2 }, async () => {
  const { directory, children, jobs, close } = await openPair();
  const { uuid } = await jobs.start('walk', { params: {}, lock: 'still', asker: ASKER });
  const still = await inStep(directory, 'two', children);
  still.kill('SIGSTOP');
  await until('the other process has the job', async () => ((await journalOf(directory)).filter(({ step }) => step === 'two').length === 2 ? true : undefined));
  await go(directory);
  const job = await jobs.wait(uuid, DEADLINE_MILLISECONDS / 1000);
  assert.equal(job.execution, 'succeeded');
  still.kill('SIGCONT');
  // It is alive again when it takes a job.
  const [other] = children.filter((child) => child !== still) as [ChildProcess];
  await end(other, 'SIGKILL');
  const next = await jobs.start('walk', { params: {}, lock: 'next', asker: ASKER });
  assert.equal((await jobs.wait(next.uuid, DEADLINE_MILLISECONDS / 1000)).execution, 'succeeded');
  assert.deepEqual(await jobs.get(uuid), job);
  const ofFirst = (await journalOf(directory)).slice(0, 4);
  assert.deepEqual(ofFirst.map(({ step }) => step), ['one', 'two', 'two', 'three']);
  assert.equal(ofFirst[3]?.pid, other.pid);
  await close();
});

test('a process that ends in good order gives its jobs back at once', { timeout: DEADLINE_MILLISECONDS * 2 }, async () => {
  const { directory, children, jobs, close } = await openPair();
  const { uuid } = await jobs.start('walk', { params: {}, lock: 'order', asker: ASKER });
  await end(await inStep(directory, 'two', children), 'SIGTERM');
  await go(directory);
  assert.equal((await jobs.wait(uuid, DEADLINE_MILLISECONDS / 1000)).execution, 'succeeded');
  await close();
});

test('with an embedded database the next start goes on with what the killed process had in hand', { timeout: DEADLINE_MILLISECONDS * 2 }, async () => {
  const directory = await mkdtemp(join(base, 'embedded-'));
  const embedded: DatabasePlace = { kind: 'pglite', directory: join(directory, 'database') };
  const first = launch({ place: embedded, directory, start: 'walk' });
  const uuid = await firstLine(first);
  await end(await inStep(directory, 'two', [first]), 'SIGKILL');
  await go(directory);
  const second = launch({ place: embedded, directory, watch: uuid });
  const job = JSON.parse(await firstLine(second)) as Job;
  assert.equal(job.execution, 'succeeded');
  assert.deepEqual((await journalOf(directory)).map(({ step }) => step), ['one', 'two', 'two', 'three']);
  await end(second, 'SIGTERM');
});

async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('it has no output');
  for await (const line of createInterface({ input: child.stdout })) return line;
  throw new Error('it ended without a word');
}
