import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { setupParametersSchema } from '../../../agent/wire/index.ts';
import { enrol } from '../../../node/enrol/enrol.ts';
import { anonymous, ask, joinTestHead, startTestHead, sysinfoOf, until, type TestHead } from '../support/head.ts';
import { asker, HASH, strangerOf } from './strangers.ts';

describe('a fleet that sets machines up by itself', () => {
  let head: TestHead;
  before(async () => void (head = await startTestHead({ config: { setup_nodes: 'automatic', node_setup: setupParametersSchema.omit({ hostname: true }).parse({ layout: 'single', root_shadow: HASH }) } })));
  after(async () => await head.close());

  it('hands every new machine its certificate, with the setup of its configuration', async () => {
    const uuid = randomUUID();
    const { setup, identity } = await enrol({ head: { heads: [head.adminUrl], ca_sha256: head.running.head.pki.caFingerprint }, report: () => undefined, sysinfo: async () => strangerOf(uuid), retryMilliseconds: 50 });
    assert.deepEqual(setup, { disks: 'all', layout: 'single', root_shadow: HASH, authorized_keys: [] });
    assert.equal(identity.uuid, uuid);
  });

  it('leaves a machine whose setup has just failed to an operator', async () => {
    const uuid = randomUUID();
    const asking = () => enrol({ head: { heads: [head.adminUrl], ca_sha256: head.running.head.pki.caFingerprint }, report: () => undefined, sysinfo: async () => strangerOf(uuid), retryMilliseconds: 50 });
    await (await asking()).tell('failed', 'no disk can be taken');
    const jobs = async () => ((await ask(`${head.url}/jobs?task=server-setup`, 'GET')).body as Array<{ server_uuid: string; execution: string }>).filter(({ server_uuid }) => server_uuid === uuid);
    await until(async () => (await jobs())[0]?.execution === 'failed');
    const again = asking();
    await until(async () => ((await ask(`${head.url}/join-requests`, 'GET')).body as Array<{ uuid: string; asking: boolean }>).some((one) => one.uuid === uuid && one.asking));
    assert.equal((await jobs()).length, 1);
    assert.equal((await ask(`${head.url}/servers/${uuid}/setup`, 'PUT', { body: {} })).status, 202);
    assert.equal((await again).uuid, uuid);
  });

  it('asks an operator when a server that is set up would be replaced', async () => {
    const node = await joinTestHead(head);
    await node.say('POST', `/servers/${node.uuid}/sysinfo`, { sysinfo: sysinfoOf(node.uuid) });
    const { csr, secret, sysinfo } = await asker(node.uuid);
    for (let count = 0; count < 3; count++) assert.equal(((await ask(`${head.adminUrl}/join-requests`, 'POST', { body: { csr, secret, sysinfo }, dispatcher: anonymous })).body as { state: string }).state, 'waiting');
    assert.ok((await node.say('POST', `/servers/${node.uuid}/events/heartbeat`, {})).status < 300);
    await node.close();
  });
});
