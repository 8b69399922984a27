import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { readableFingerprint } from '../../../agent/wire/index.ts';
import { enrol } from '../../../node/enrol/enrol.ts';
import { anonymous, ask, joinTestHead, nodeWith, sysinfoOf, until } from '../support/head.ts';
import { asker, codeOf, HASH, macOf, SSH_KEY, startAskedHead, stateOf, strangerOf, type AskedHead } from './strangers.ts';

describe('joining by approval', () => {
  let head: AskedHead;
  before(async () => void (head = await startAskedHead()));
  after(async () => await head.close());

  it('shows who asks as a server that is not set up, and hands it its certificate and setup when an operator approves', async () => {
    const uuid = randomUUID();
    const asking = head.machine(uuid);
    await until(async () => (await head.listed(uuid)).length === 1);
    const [request] = await head.listed(uuid);
    assert.match(asking.lines.join('\n'), new RegExp(`${uuid}, its key ${String(request?.['fingerprint'])}`));
    assert.deepEqual([request?.['macs'], request?.['memory_mib'], request?.['disks'], request?.['replaces']], [[macOf(uuid)], 16384, ['sda'], false]);
    await until(async () => (await head.server(uuid))['status'] === 'running');
    const unset = await head.server(uuid);
    assert.deepEqual([unset['setup'], unset['headnode'], unset['setting_up'], unset['memory_total_bytes']], [false, false, false, 16384 * 1024 ** 2]);
    assert.equal((await ask(`${head.url}/boot/${uuid}`, 'GET')).status, 200);

    const accepted = await head.approve(uuid, { hostname: 'n7', disks: ['/dev/disk/by-id/ata-X'], layout: 'single', root_shadow: HASH, authorized_keys: [SSH_KEY] });
    assert.equal(accepted.status, 202);
    const { job_uuid: jobUuid } = accepted.body as { job_uuid: string };
    const enrolled = await asking.enrolled;
    assert.deepEqual(enrolled.setup, { hostname: 'n7', disks: ['/dev/disk/by-id/ata-X'], layout: 'single', root_shadow: HASH, authorized_keys: [SSH_KEY] });
    assert.deepEqual([enrolled.uuid, enrolled.identity.uuid, enrolled.identity.heads], [uuid, uuid, [head.adminUrl]]);
    assert.equal((await head.server(uuid))['setting_up'], true);
    await enrolled.tell('zpool_created');
    await enrolled.tell('agents_installed');
    assert.deepEqual((await head.listed(uuid))[0]?.['states'], ['zpool_created', 'agents_installed']);
    const node = await head.registered(enrolled);
    await until(async () => (await head.job(jobUuid)).execution === 'succeeded');
    assert.deepEqual((await head.job(jobUuid)).chain_results.map(({ name }) => name), ['cnapi.begin_setup', 'node.fetch_certificate', 'node.set_up', 'cnapi.finish_setup']);
    const set = await head.server(uuid);
    assert.deepEqual([set['setup'], set['setting_up']], [true, false]);
    assert.deepEqual(await head.listed(uuid), []);
    assert.equal((await head.approve(uuid)).status, 204);
    await node.close();
  });

  it('keeps the root password’s hash nowhere in clear, and out of the job', async () => {
    const uuid = randomUUID();
    const asking = head.machine(uuid);
    await until(async () => (await head.listed(uuid)).length === 1);
    const { job_uuid: jobUuid } = (await head.approve(uuid, { root_shadow: HASH })).body as { job_uuid: string };
    await asking.enrolled;
    const rows = await head.running.database.query('SELECT * FROM join_requests');
    assert.ok(!JSON.stringify([rows, await head.job(jobUuid), await head.running.database.query('SELECT * FROM jobs'), await head.listed(uuid), await head.server(uuid)]).includes(HASH));
  });

  it('ends a setup that the machine says has failed with the reason, and takes the next one', async () => {
    const uuid = randomUUID();
    const first = head.machine(uuid);
    await until(async () => (await head.listed(uuid)).length === 1);
    const { job_uuid: jobUuid } = (await head.approve(uuid)).body as { job_uuid: string };
    assert.deepEqual(codeOf(await head.approve(uuid)), [409, 'Conflict']);
    await (await first.enrolled).tell('failed', 'disk sda is in use');
    await until(async () => (await head.job(jobUuid)).execution === 'failed');
    assert.match((await head.job(jobUuid)).chain_results.map(({ error }) => error).join(), /disk sda is in use/);
    await until(async () => (await head.server(uuid))['setting_up'] === false);
    const second = head.machine(uuid);
    await until(async () => (await head.listed(uuid)).some(({ asking }) => asking));
    const again = (await head.approve(uuid)).body as { job_uuid: string };
    const node = await head.registered(await second.enrolled);
    await until(async () => (await head.job(again.job_uuid)).execution === 'succeeded');
    await node.close();
  });

  it('does not take a machine that has started again for the one that was approved of', async () => {
    const uuid = randomUUID();
    const [before_, after_] = [await asker(uuid), await asker(uuid)];
    await head.say(before_);
    const { job_uuid: jobUuid } = (await head.approve(uuid)).body as { job_uuid: string };
    assert.equal(stateOf(await head.say(after_)), 'waiting');
    assert.equal(stateOf(await head.say(before_)), 'approved');
    assert.equal(stateOf(await head.say(after_)), 'waiting');
    assert.equal((await head.approve(uuid, { fingerprint: after_.fingerprint })).status, 202);
    await until(async () => (await head.job(jobUuid)).execution === 'failed');
    assert.equal(stateOf(await head.say(after_)), 'approved');
    assert.equal(stateOf(await head.say(before_)), 'waiting');
  });

  it('lets an operator choose by fingerprint when two machines ask under one uuid', async () => {
    const uuid = randomUUID();
    const [one, other] = [await asker(uuid), await asker(uuid)];
    await head.say(one);
    await head.say({ ...other, sysinfo: strangerOf(uuid, { Hostname: 'impostor' }) });
    assert.notEqual((await head.server(uuid))['hostname'], 'impostor', 'who came second is not shown as the server');
    const refused = await head.approve(uuid);
    assert.deepEqual(codeOf(refused), [409, 'NotAsking']);
    assert.match(JSON.stringify(refused.body), new RegExp(`${one.fingerprint} and ${other.fingerprint}`));
    assert.deepEqual(codeOf(await head.approve(uuid, { fingerprint: readableFingerprint('0'.repeat(64)) })), [409, 'NotAsking']);
    assert.equal((await head.approve(uuid, { fingerprint: one.fingerprint })).status, 202);
    assert.deepEqual([stateOf(await head.say(one)), stateOf(await head.say(other))], ['approved', 'waiting']);
  });

  it('leaves a server that is set up as it is when another key asks under its uuid, until an operator names that key', async () => {
    const node = await joinTestHead(head);
    await node.say('POST', `/servers/${node.uuid}/sysinfo`, { sysinfo: sysinfoOf(node.uuid, { Hostname: 'real' }) });
    await node.say('POST', `/servers/${node.uuid}/events/heartbeat`, {});
    const impostor = { ...(await asker(node.uuid)), sysinfo: strangerOf(node.uuid, { Hostname: 'impostor', 'Admin IP': '10.66.6.6' }) };
    assert.equal(stateOf(await head.say(impostor)), 'waiting');
    const kept = await head.server(node.uuid);
    assert.deepEqual([kept['hostname'], kept['setup']], ['real', true]);
    assert.equal((await head.listed(node.uuid))[0]?.['replaces'], true);
    assert.equal((await head.approve(node.uuid)).status, 204);
    assert.equal(stateOf(await head.say(impostor)), 'waiting');
    assert.ok((await node.say('POST', `/servers/${node.uuid}/events/heartbeat`, {})).status < 300);
    assert.equal((await head.approve(node.uuid, { fingerprint: impostor.fingerprint })).status, 202);
    assert.equal(stateOf(await head.say(impostor)), 'approved');
    assert.equal((await node.say('POST', `/servers/${node.uuid}/events/heartbeat`, {})).status, 401);
    await node.close();
  });

  it('gives nothing to who repeats another machine’s request without its secret', async () => {
    const uuid = randomUUID();
    const honest = await asker(uuid);
    await head.say(honest);
    await head.approve(uuid);
    const replayed = await head.post({ csr: honest.csr, secret: randomBytes(32).toString('base64url'), sysinfo: honest.sysinfo });
    assert.deepEqual(codeOf(replayed), [403, 'NotAuthorized']);
    assert.equal(stateOf(await head.say(honest)), 'approved');
  });

  it('cannot be set up when it does not ask', async () => {
    const uuid = randomUUID();
    assert.deepEqual(codeOf(await head.approve(uuid)), [404, 'ServerNotFound']);
    await head.say(await asker(uuid));
    await head.running.database.query("UPDATE join_requests SET seen_at = now() - interval '1 minute' WHERE uuid = $1", [uuid]);
    assert.deepEqual(codeOf(await head.approve(uuid)), [409, 'NotAsking']);
  });

  it('lets a machine that waits change nothing in the networks', async () => {
    const uuid = randomUUID();
    const victim = await joinTestHead(head);
    await head.say({ ...(await asker(uuid)), sysinfo: strangerOf(uuid, { 'Network Interfaces': { eth0: { 'MAC Address': '02:00:00:00:00:99', ip4addr: '10.0.0.1', 'NIC Names': ['stranger'] } } }) });
    await until(async () => (await head.server(uuid))['status'] === 'running');
    await victim.say('POST', `/servers/${victim.uuid}/sysinfo`, { sysinfo: sysinfoOf(victim.uuid, { 'Network Interfaces': { eth0: { 'MAC Address': '02:00:00:00:00:98', 'NIC Names': ['member'] } } }) });
    await victim.say('POST', `/servers/${victim.uuid}/events/heartbeat`, {});
    const tags = async () => ((await ask(`${head.url}/nic_tags`, 'GET')).body as Array<{ name: string }>).map(({ name }) => name);
    await until(async () => (await tags()).includes('member'));
    assert.ok(!(await tags()).includes('stranger'));
    await victim.close();
  });

  it('shows who asks to operators alone', async () => {
    assert.equal((await ask(`${head.adminUrl}/join-requests`, 'GET', { dispatcher: anonymous })).status, 401);
    assert.equal((await ask(`${head.adminUrl}/servers/${randomUUID()}/setup`, 'PUT', { body: {}, dispatcher: anonymous })).status, 401);
    const node = await joinTestHead(head);
    assert.equal((await node.say('GET', '/join-requests')).status, 404);
    assert.equal((await node.say('POST', `/servers/${randomUUID()}/events/setup`, { state: 'setup_complete' })).status, 403);
    await node.close();
  });

  it('refuses setups that it would not carry out as they were asked for', async () => {
    const uuid = randomUUID();
    const asked = await asker(uuid);
    await head.say(asked);
    for (const body of [{ postsetup_script: '#!/bin/sh' }, { encryption_enabled: true }, { nics: [] }]) assert.deepEqual(codeOf(await head.approve(uuid, body)), [501, 'NotSupported'], JSON.stringify(body));
    for (const body of [{ root_shadow: 'secret' }, { root_shadow: `${HASH}\nroot2::0:` }, { authorized_keys: ['command="x" ssh-rsa AAAA'] }, { authorized_keys: [`${SSH_KEY}\nssh-rsa AAAA`] }, { hostname: 'a b' }, { layout: 'raid0' }, { disks: [] }, { disks: ['../../etc/passwd'] }, { junk: 1 }, { fingerprint: 'x' }]) {
      assert.deepEqual((await head.approve(uuid, body)).status, 409, JSON.stringify(body));
    }
    assert.equal(stateOf(await head.say(asked)), 'waiting');
  });

  it('lets a machine in again and again when its answer was lost', async () => {
    const own = randomUUID();
    const asked = await asker(own);
    await head.say(asked);
    await head.approve(own);
    const [first, second] = [await head.say(asked), await head.say(asked)];
    assert.deepEqual([stateOf(first), stateOf(second)], ['approved', 'approved']);
    const { certificate, ca } = second.body as { certificate: string; ca: string };
    const node = nodeWith({ uuid: own, key: asked.key, certificate, ca, adminUrl: head.adminUrl });
    assert.equal((await node.say('POST', `/servers/${own}/events/setup`, { state: 'zpool_created' })).status, 204);
    await node.close();
  });

  it('does not speak to a head node of another authority, and goes on asking', async () => {
    const lines: string[] = [];
    const ended = new AbortController();
    const asking = enrol({ head: { heads: [head.adminUrl], ca_sha256: 'ab'.repeat(32) }, report: (line) => void lines.push(line), sysinfo: async () => strangerOf(randomUUID()), retryMilliseconds: 10, signal: ended.signal });
    asking.catch(() => undefined);
    await until(() => lines.some((line) => line.includes('is not the head node that was named')));
    ended.abort();
    await assert.rejects(asking);
  });

  it('has room for so many machines of an address, and no more', async () => {
    await head.running.database.query('DELETE FROM join_requests');
    const answers = [];
    for (let count = 0; count < 18; count++) answers.push(await head.say(await asker(randomUUID())));
    assert.deepEqual(answers.map(({ status }) => status), [...Array<number>(16).fill(200), 429, 429]);
    await head.running.database.query('DELETE FROM join_requests');
  });
});
