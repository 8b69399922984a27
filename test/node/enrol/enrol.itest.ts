/** A machine that nobody knows becomes a node of a fleet: a real head, a real agent, and TLS between them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readIdentity } from '../../../agent/identity/identity.ts';
import { sysinfoOf } from '../../../agent/sysinfo/sysinfo.ts';
import { enrol } from '../../../node/enrol/enrol.ts';
import { saveEnrolment } from '../../../node/enrol/save-enrolment.ts';
import { startAgent, type RunningAgent } from '../../support/agent.ts';
import { scratchNode, type ScratchNode } from '../../support/scratch-node.ts';
import { ask, startTestHead, until, type TestHead } from '../../headnode/support/head.ts';

let node: ScratchNode;
let head: TestHead;
let agent: RunningAgent;

before(async () => {
  node = await scratchNode({ megabytes: 256 });
  head = await startTestHead();
});

after(async () => {
  await agent?.stop();
  await head.close();
  await node.remove();
});

test('a machine that was approved of keeps its identity in its pool, and its agent comes to the head node as a server that is set up', async () => {
  const uuid = node.serverUuid;
  const lines: string[] = [];
  const enrolling = enrol({
    head: { heads: ['https://127.0.0.1:1', head.adminUrl], ca_sha256: head.running.head.pki.caFingerprint },
    report: (line) => void lines.push(line),
    sysinfo: async () => ({ ...(await sysinfoOf(undefined)), UUID: uuid }),
  });
  await until(async () => (await ask(`${head.url}/servers/${uuid}`, 'GET')).status === 200);
  const { job_uuid: job } = (await ask(`${head.url}/servers/${uuid}/setup`, 'PUT', { body: { hostname: 'n1' } })).body as { job_uuid: string };
  const enrolment = await enrolling;
  assert.ok(lines.some((line) => line.includes('127.0.0.1:1')), 'the head that does not answer is said');
  await saveEnrolment(node, enrolment);
  assert.equal((await readIdentity(node))?.uuid, uuid);
  agent = await startAgent(node, { ZONEWRIGHT_AGENT_PORT: '0' });
  await until(async () => ((await ask(`${head.url}/jobs/${job}`, 'GET')).body as { execution: string }).execution === 'succeeded');
  const server = (await ask(`${head.url}/servers/${uuid}`, 'GET')).body as Record<string, unknown>;
  assert.deepEqual([server['setup'], server['setting_up'], server['status']], [true, false, 'running']);
});
