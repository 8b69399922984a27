/** Several head processes on one PostgreSQL server of their own, and what happens when parts of that die. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fork, type ChildProcess } from 'node:child_process';
import type { TaskRequest } from '../../headnode/services.ts';
import { newSimulatedNode } from '../../agent/simulated/node.ts';
import { openSimulatedAgent, type SimulatedAgent } from '../../scripts/simulate/agent.ts';
import { ask, makeToken, startTestHead, until, type TestHead } from './support/head.ts';

const TIMINGS = { heartbeat: 1000, status: 1000, firstPause: 200, longestPause: 1000 };

describe('head processes side by side', { timeout: 600_000 }, () => {
  let directory: string;
  let first: TestHead;
  let second: TestHead;
  let agent: SimulatedAgent;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'zonewright-heads-'));
    first = await startTestHead({ directory, database: 'postgres' });
    second = await startTestHead({ directory, database: 'postgres' });
    agent = await openSimulatedAgent({ uuid: randomUUID(), token: await makeToken(first), timings: TIMINGS });
    await until(async () => (await statusAt(second)) === 'running');
  });
  after(async () => {
    await agent.close();
    await second.close();
    await first.close();
    await rm(directory, { recursive: true, force: true });
  });
  const statusAt = async (head: TestHead): Promise<unknown> => ((await ask(`${head.url}/servers/${agent.uuid}`, 'GET')).body as { status?: string }).status;
  const request = (task: string, params: object, more: Partial<TaskRequest> = {}): TaskRequest => ({ task, params: params as TaskRequest['params'], id: randomUUID(), asker: { requestId: 'req-1', by: 'operator' }, ...more });
  const postmaster = async (): Promise<number> => Number((await readFile(join(directory, 'postgres/data/postmaster.pid'), 'utf8')).split('\n')[0]);

  it('have one authority, know of both to nodes, and keep their database’s socket to themselves', async () => {
    assert.equal(first.running.head.pki.caFingerprint, second.running.head.pki.caFingerprint);
    assert.deepEqual([...agent.identity.heads].toSorted(), [first.adminUrl, second.adminUrl].toSorted());
    assert.equal((await stat(join(directory, 'postgres'))).mode & 0o777, 0o700);
    assert.equal((await stat(join(directory, 'postgres/run'))).mode & 0o777, 0o700);
  });

  it('share tasks: one waits for what the other was asked, and it runs once', async () => {
    const nop = request('nop', { sleep: 1 });
    const outcomes = await Promise.all([first, second].map(({ running }) => running.head.servers.runTask(agent.uuid, nop)));
    assert.deepEqual(outcomes.map(({ outcome }) => outcome), ['complete', 'complete']);
  });

  it('hear of revoked certificates from each other', async () => {
    const lost = await openSimulatedAgent({ uuid: randomUUID(), token: await makeToken(first), timings: TIMINGS });
    await ask(`${first.url}/certificates/${lost.uuid}`, 'DELETE');
    await until(() => second.running.head.pki.revocations.has(lost.identity.details.fingerprint));
    await lost.close();
  });

  it('wait while their database restarts, and go on', async () => {
    const before_ = await postmaster();
    const slow = request('nop', { sleep: 4 });
    const waiting = second.running.head.servers.runTask(agent.uuid, slow);
    await until(async () => (await second.running.head.servers.tasks.get(slow.id))?.accepted === true);
    process.kill(before_, 'SIGKILL');
    await until(async () => {
      const answers = await Promise.all([first, second].map(({ url }) => ask(`${url}/ping`, 'GET').catch(() => ({ status: 0 }))));
      return answers.every(({ status }) => status === 200) && (await postmaster()) !== before_;
    });
    const outcome = await waiting.catch(async () => await second.running.head.servers.runTask(agent.uuid, slow));
    assert.equal(outcome.outcome, 'complete');
    await until(async () => (await statusAt(first)) === 'running' && (await statusAt(second)) === 'running');
  });

  it('take over the tasks, the servers and the database of one that was killed', async () => {
    const { child, adminUrl, url } = await forkHead(directory);
    const third = await openSimulatedAgent({ uuid: randomUUID(), token: await makeToken({ url }), timings: TIMINGS });
    await until(async () => ((await ask(`${first.url}/servers/${third.uuid}`, 'GET')).body as { status?: string }).status === 'running');
    assert.ok(third.identity.heads.includes(adminUrl));
    const { body } = await ask(`${url}/servers/${third.uuid}/nop`, 'POST', { body: { sleep: 6 } });
    const { id } = body as { id: string };
    await until(async () => (await first.running.head.servers.tasks.get(id))?.accepted === true);
    child.kill('SIGKILL');
    assert.equal((await second.running.head.servers.tasks.wait(id, 60))?.status, 'complete');
    await until(async () => (await first.running.database.query("SELECT FROM servers WHERE uuid = $1 AND status = 'running' AND head = ANY($2::uuid[])", [third.uuid, [first, second].map(({ running }) => running.head.servers.liveness.headId)])).length === 1);
    await third.close();
    await until(async () => ((await ask(`${second.url}/servers/${third.uuid}`, 'GET')).body as { status?: string }).status === 'unknown');
  });

  it('keep the database when the one that looks after it ends', async () => {
    await first.close();
    await until(async () => (await ask(`${second.url}/ping`, 'GET').catch(() => ({ status: 0 }))).status === 200);
    await until(async () => (await statusAt(second)) === 'running');
    const node = newSimulatedNode({ uuid: randomUUID() });
    const fresh = await openSimulatedAgent({ uuid: node.facts.uuid, node, token: await makeToken(second), timings: TIMINGS });
    await until(fresh.isConnected);
    await fresh.close();
    first = await startTestHead({ directory, database: 'postgres' });
    assert.equal((await ask(`${first.url}/servers`, 'GET')).status, 200);
  });
});

interface Forked {
  readonly child: ChildProcess;
  readonly url: string;
  readonly adminUrl: string;
}

/** A head in a process of its own. */
async function forkHead(directory: string): Promise<Forked> {
  const child = fork(join(import.meta.dirname, 'support/head-process.ts'), [directory], { stdio: 'inherit' });
  const message = await new Promise<{ url: string; adminUrl: string }>((resolve, reject) => {
    child.once('message', (told) => resolve(told as { url: string; adminUrl: string }));
    child.once('exit', (code) => reject(new Error(`the head process ended with ${String(code)}`)));
  });
  return { child, ...message };
}
