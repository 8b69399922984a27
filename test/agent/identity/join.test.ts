import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { openHeadClient } from '../../../agent/head/client.ts';
import { forgetIdentity, identityFiles, readIdentity, saveIdentity } from '../../../agent/identity/identity.ts';
import { joinHead } from '../../../agent/identity/join.ts';
import { isRenewalDue, keepRenewed, renewIdentity } from '../../../agent/identity/renewal.ts';
import { openRevocations } from '../../../agent/identity/revocations.ts';
import { decodeJoinToken, encodeJoinToken, joinRequestSchema } from '../../../agent/wire/join.ts';
import { holderName, holderUri } from '../../../agent/wire/roles.ts';
import { issueCertificate } from '../../../host/pki/authority.ts';
import { readCertificate } from '../../../host/pki/certificate.ts';
import type { Node } from '../../../host/config/node-config.ts';
import { fleetPki, type FleetPki } from '../../support/fleet-pki.ts';
import { recordingHead, type HeadReply, type Heard, type RecordingHead } from '../../support/recording-head.ts';
import { silentLog } from '../../support/task-contract.ts';

let pki: FleetPki;
let head: RecordingHead;
let node: Pick<Node, 'paths'>;
let directory: string;
const uuid = randomUUID();
const secret = randomBytes(32).toString('base64url');

before(async () => {
  pki = await fleetPki();
  directory = await mkdtemp(join(tmpdir(), 'zonewright-identity-'));
  node = { paths: { config: directory } } as Pick<Node, 'paths'>;
});
beforeEach(async () => {
  head = await recordingHead(pki);
  head.answer(issuing);
});
afterEach(() => head.close());
after(() => rm(directory, { recursive: true, force: true }));

/** What a head node does with a request for a certificate. */
async function issuing({ body }: Heard): Promise<HeadReply> {
  const holder = { role: 'node', uuid } as const;
  const certificate = await issueCertificate(pki.authority, String(body['csr']), { uri: holderUri(holder), name: holderName(holder) });
  return { status: 200, body: { certificate, ca: pki.authority.certificatePem, heads: [head.url] } };
}

function token(more: { ca?: string; url?: string } = {}): string {
  return encodeJoinToken({ url: head.url, ca: readCertificate(pki.authority.certificatePem).fingerprint, secret, ...more });
}

test('a node joins: it hands in the secret and a request of its own key, and gets its certificate', async () => {
  const identity = await joinHead({ token: `  ${token()}\n`, uuid, sysinfo: { UUID: uuid, Hostname: 'one' } });
  const [heard] = head.heard;
  const request = joinRequestSchema.parse(heard?.body);
  assert.deepEqual([heard?.method, heard?.path, heard?.from, request.secret, request.uuid], ['POST', '/join', undefined, secret, uuid]);
  assert.ok(!JSON.stringify(head.heard).includes('PRIVATE'));
  assert.deepEqual([identity.uuid, identity.heads], [uuid, [head.url]]);
  const client = openHeadClient({ identity });
  head.answer(() => ({ status: 204 }));
  assert.equal((await client.send({ method: 'POST', path: '/x', body: {} })).status, 204);
  assert.deepEqual(head.heard.at(-1)?.from, { role: 'node', uuid });
  await client.close();
});

test('text that is no token, or not all of one, is refused before anything is done', async () => {
  const good = token();
  for (const text of ['', 'x', good.slice(0, -8), `${good}!`, Buffer.from('{}').toString('base64url'), 'A'.repeat(5000), encodeJoinToken({ url: head.url, ca: 'a'.repeat(64), secret }).slice(1)]) {
    await assert.rejects(joinHead({ token: text, uuid }), { code: 'JoinTokenInvalid' }, text.slice(0, 20));
  }
  assert.equal(decodeJoinToken(good)?.secret, secret);
  assert.equal(head.heard.length, 0);
});

test('the secret is not sent to whoever has another authority, nor to a node that passes for a head node', async () => {
  await assert.rejects(joinHead({ token: token({ ca: 'ab'.repeat(32) }), uuid }), { code: 'HeadUntrusted' });
  const impostor = await recordingHead(pki, { role: 'node', uuid: randomUUID() });
  await assert.rejects(joinHead({ token: token({ url: impostor.url }), uuid }), { code: 'HeadUntrusted' });
  assert.deepEqual([head.heard.length, impostor.heard.length], [0, 0]);
  await impostor.close();
});

test('a server that shows the right authority without being of it gets nothing', async () => {
  const stranger = await fleetPki();
  const fake: FleetPki = { ...stranger, authority: { ...stranger.authority, certificatePem: pki.authority.certificatePem } };
  const impostor = await recordingHead(fake);
  await assert.rejects(joinHead({ token: token({ url: impostor.url }), uuid }), { code: 'HeadUntrusted' });
  assert.equal(impostor.heard.length, 0);
  await impostor.close();
});

test('a token that was used, one that expired and one that is unknown are told apart, and no error holds the secret', async () => {
  for (const [code, expected] of [['TokenUsed', 'TokenUsed'], ['TokenExpired', 'TokenExpired'], ['InvalidToken', 'JoinRefused']] as const) {
    head.answer(() => ({ status: 403, body: { code, message: `about ${code}\n` } }));
    await assert.rejects(joinHead({ token: token(), uuid }), (error: Error & { code?: string }) => error.code === expected && !`${error.message}${error.stack ?? ''}`.includes(secret));
  }
  await head.leave();
  await assert.rejects(joinHead({ token: token(), uuid }), { code: 'HeadUnreachable', message: /ECONNREFUSED/ });
});

test('an answer that is not understood, or a certificate for another node or of another authority, is not taken', async () => {
  const other = await pki.issue({ role: 'node', uuid: randomUUID() });
  const stranger = await fleetPki();
  const bodies: unknown[] = [
    {},
    'x',
    { certificate: other.cert, ca: pki.authority.certificatePem, heads: [head.url] },
    { certificate: other.cert, ca: stranger.authority.certificatePem, heads: [head.url] },
    { certificate: (await stranger.issue({ role: 'node', uuid })).cert, ca: pki.authority.certificatePem, heads: [head.url] },
    { certificate: (await pki.issue({ role: 'head' })).cert, ca: pki.authority.certificatePem, heads: [head.url] },
    { certificate: other.cert, ca: pki.authority.certificatePem, heads: ['http://127.0.0.1'] },
  ];
  for (const body of bodies) {
    head.answer(() => ({ status: 200, body }));
    await assert.rejects(joinHead({ token: token(), uuid }), (error: Error & { code?: string }) => ['JoinRefused', 'HeadUntrusted', 'CertificateInvalid', 'NotJoined'].includes(error.code ?? ''), JSON.stringify(body).slice(0, 80));
  }
});

test('an identity is kept for root alone, read back as it was, and forgotten as a whole', async () => {
  assert.equal(await readIdentity(node), undefined);
  const identity = await joinHead({ token: token(), uuid });
  await saveIdentity(node, identity);
  assert.deepEqual(await readIdentity(node), identity);
  const files = identityFiles(node);
  assert.equal((await stat(files.directory)).mode & 0o777, 0o700);
  for (const path of [files.node, files.ca, files.heads]) assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.ok(!(await readFile(files.node, 'utf8')).includes(secret));
  await forgetIdentity(node);
  assert.equal(await readIdentity(node), undefined);
});

test('a certificate is due for renewal in the last third of its life', async () => {
  const dueAfter = async (days: number): Promise<boolean> => isRenewalDue(await pki.identity(uuid, [head.url], { now: new Date(Date.now() - days * 86_400_000) }));
  assert.deepEqual([await dueAfter(0), await dueAfter(59), await dueAfter(61), await dueAfter(89)], [false, false, true, true]);
});

test('a renewal takes a new key, by the old certificate, and is used from then on', async () => {
  const old = await pki.identity(uuid, [head.url], { now: new Date(Date.now() - 80 * 86_400_000) });
  const client = openHeadClient({ identity: old });
  const ended = new AbortController();
  const { promise, resolve } = Promise.withResolvers<string>();
  const renewing = keepRenewed({ identity: old, client, log: silentLog(), signal: ended.signal, onRenewed: async (renewed) => (client.renew(renewed), resolve(renewed.details.fingerprint)) });
  assert.notEqual(await promise, old.details.fingerprint);
  ended.abort();
  await renewing;
  assert.deepEqual([head.heard[0]?.path, head.heard[0]?.from], ['/certificates', { role: 'node', uuid }]);
  assert.ok(!String(head.heard[0]?.body['csr']).includes(old.certificate.split('\n')[4] ?? 'x'));
  head.answer(() => ({ status: 204 }));
  await client.send({ method: 'POST', path: '/after', body: {} });
  await client.close();
});

test('a renewal by another authority, or for another node, is not taken', async () => {
  const identity = await pki.identity(uuid, [head.url]);
  const client = openHeadClient({ identity });
  const stranger = await fleetPki();
  for (const [authority, holder] of [[stranger, uuid], [pki, randomUUID()]] as const) {
    head.answer(async () => ({ status: 200, body: { certificate: (await authority.issue({ role: 'node', uuid: holder })).cert, ca: authority.authority.certificatePem, heads: [head.url] } }));
    await assert.rejects(renewIdentity(identity, client), { code: 'JoinRefused' });
  }
  await client.close();
});

test('a head node whose certificate was revoked is spoken to no more, and the list outlives the agent', async () => {
  const path = join(directory, 'revoked', 'list.json');
  const revocations = await openRevocations(path);
  const client = openHeadClient({ identity: await pki.identity(uuid, [head.url]), isRevoked: (fingerprint) => revocations.has(fingerprint) });
  head.answer(() => ({ status: 204 }));
  const other = await recordingHead(pki);
  await client.send({ method: 'POST', path: '/x', body: {} });
  await client.close();
  const { connect } = await import('node:tls');
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(head.url).port), rejectUnauthorized: false });
  await new Promise((resolve) => socket.once('secureConnect', resolve));
  const fingerprint = readCertificate(socket.getPeerX509Certificate()?.toString() ?? '').fingerprint;
  socket.destroy();
  await revocations.replace([fingerprint]);
  const again = openHeadClient({ identity: await pki.identity(uuid, [head.url, other.url]), isRevoked: (await openRevocations(path)).has });
  await again.send({ method: 'POST', path: '/y', body: {} });
  assert.ok(!head.heard.some((heard) => heard.path === '/y'));
  assert.ok(other.heard.some((heard) => heard.path === '/y'), 'the other head node is');
  await again.close();
  await other.close();
});
