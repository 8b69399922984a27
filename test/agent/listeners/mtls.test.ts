import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { Agent, request as httpsRequest } from 'node:https';
import { readCertificate } from '../../../host/pki/certificate.ts';
import { fleetPki, type Credentials } from '../../support/fleet-pki.ts';
import { taskApp, type TaskApp } from '../../support/task-app.ts';

let app: TaskApp;
const NOP = { body: { task: 'nop', params: {} } };

before(async () => {
  // Short times, so that the tests need not wait; a request of ours is there within milliseconds.
  app = await taskApp({ headersTimeout: 4000, requestTimeout: 5000, handshakeTimeout: 4000, connectionsCheckingInterval: 100 });
});
after(() => app.close());

async function assertTurnedAway(as: Partial<Credentials>): Promise<void> {
  await assert.rejects(app.ask('POST', '/tasks', { ...NOP, as }), (error: NodeJS.ErrnoException) => /ECONNRESET|EPIPE|ERR_SSL|socket hang up|EPROTO/.test(`${error.code} ${error.message}`));
  assert.equal((await app.ask('POST', '/tasks', NOP)).status, 200, 'others are served');
}

test('a head node with a certificate of our authority is served', async () => {
  assert.equal((await app.ask('POST', '/tasks', NOP)).status, 200);
});

test('who shows no certificate is turned away', () => assertTurnedAway({}));

test('a certificate of another authority is turned away, also one that calls itself as ours does', async () => {
  await assertTurnedAway(await (await fleetPki()).issue({ role: 'head' }));
});

test('an expired certificate is turned away, and one whose time has not come', async () => {
  const now = Date.now();
  await assertTurnedAway(await app.pki.issue({ role: 'head' }, { now: new Date(now - 91 * 86_400_000) }));
  await assertTurnedAway(await app.pki.issue({ role: 'head' }, { now: new Date(now + 86_400_000) }));
});

test("a node's certificate does not make a head node, not even this node's own", async () => {
  await assertTurnedAway(await app.pki.issue({ role: 'node', uuid: randomUUID() }));
  await assertTurnedAway(await app.pki.issue({ role: 'node', uuid: app.uuid }));
});

test('a revoked certificate is turned away, also on a connection that was open before', async () => {
  const credentials = await app.pki.issue({ role: 'head' });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    assert.equal((await app.ask('POST', '/tasks', { ...NOP, as: credentials, more: { agent } })).status, 200);
    app.revoked.add(readCertificate(credentials.cert).fingerprint);
    await assert.rejects(app.ask('POST', '/tasks', { ...NOP, as: credentials, more: { agent } }));
    await assertTurnedAway(credentials);
  } finally {
    agent.destroy();
  }
});

test('plain HTTP and older TLS are turned away', async () => {
  const socket = connectTcp({ host: '127.0.0.1', port: app.listener.port });
  socket.on('error', () => undefined).write('GET /history HTTP/1.1\r\nhost: x\r\n\r\n');
  let heard = '';
  socket.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')));
  await once(socket, 'close');
  assert.ok(!heard.includes('HTTP/1.1 200'));
  await assert.rejects(app.ask('POST', '/tasks', { ...NOP, more: { maxVersion: 'TLSv1.2' } }));
});

test('the certificate that it shows is the node\'s, and after a renewal the new one', async () => {
  const shown = async (): Promise<string | undefined> => {
    const socket = connectTls({ host: '127.0.0.1', port: app.listener.port, ...app.head, ca: app.pki.authority.certificatePem, checkServerIdentity: () => undefined });
    await once(socket, 'secureConnect');
    const fingerprint = socket.getPeerX509Certificate()?.fingerprint256;
    socket.destroy();
    return fingerprint?.replaceAll(':', '').toLowerCase();
  };
  const before_ = await shown();
  const renewed = await app.pki.identity(app.uuid, ['https://127.0.0.1:1']);
  app.listener.renew(renewed);
  assert.notEqual(before_, renewed.details.fingerprint);
  assert.equal(await shown(), renewed.details.fingerprint);
  await assertTurnedAway({});
  assert.equal((await app.ask('POST', '/tasks', NOP)).status, 200);
});

test('connections that say nothing, or their headers byte by byte, are cut off, and others are served meanwhile', async () => {
  const silent = connectTcp({ host: '127.0.0.1', port: app.listener.port }).on('error', () => undefined);
  const tls = { host: '127.0.0.1', port: app.listener.port, ...app.head, ca: app.pki.authority.certificatePem, checkServerIdentity: () => undefined };
  const [mute, slow] = [connectTls(tls), connectTls(tls)];
  for (const socket of [mute, slow]) socket.on('error', () => undefined).resume();
  await Promise.all([mute, slow].map((socket) => once(socket, 'secureConnect')));
  slow.write('GET /history HTTP/1.1\r\n');
  const dripping = setInterval(() => slow.write('x'), 50);
  try {
    assert.equal((await app.ask('POST', '/tasks', NOP)).status, 200);
    // Who never cuts them off never comes past this line.
    await Promise.all([silent, mute, slow].map((socket) => (socket.closed ? undefined : once(socket, 'close'))));
  } finally {
    clearInterval(dripping);
  }
});

test('a body that never comes to its end is cut off, and headers that are too long are refused', async () => {
  const sent = httpsRequest({ host: '127.0.0.1', port: app.listener.port, method: 'POST', path: '/tasks', ...app.head, ca: app.pki.authority.certificatePem, agent: false, checkServerIdentity: () => undefined, headers: { 'content-type': 'application/json', 'content-length': '1000' } });
  const answered = new Promise<number | undefined>((resolve) => sent.on('response', (response) => resolve(response.resume().statusCode)).on('error', () => resolve(undefined)));
  sent.write('{"task":');
  assert.ok([undefined, 408].includes(await answered));
  sent.destroy();
  const { status } = await app.ask('POST', '/tasks', { ...NOP, headers: { 'x-long': 'x'.repeat(20_000) } }).catch(() => ({ status: 431 }));
  assert.equal(status, 431);
});
