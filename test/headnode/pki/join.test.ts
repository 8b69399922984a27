import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { after, before, describe, it } from 'node:test';
import { decodeJoinToken, holderName, holderUri, type Holder } from '../../../agent/wire/index.ts';
import { loadSealKey, seal, unseal } from '../../../headnode/pki/seal.ts';
import { issueCertificate, newAuthority, type Authority } from '../../../host/pki/authority.ts';
import { readCertificate } from '../../../host/pki/certificate.ts';
import { newPrivateKey } from '../../../host/pki/keys.ts';
import { newRequest } from '../../../host/pki/request.ts';
import { anonymous, ask, joinTestHead, makeToken, nodeWith, startTestHead, sysinfoOf, type Answer, type JoinedNode, type TestHead } from '../support/head.ts';

describe('joining a head node', () => {
  let head: TestHead;
  before(async () => void (head = await startTestHead()));
  after(async () => await head.close());

  const requestFor = async (holder: Holder) => {
    const key = await newPrivateKey();
    return { key, csr: await newRequest(key, { uri: holderUri(holder), name: holderName(holder) }) };
  };
  const join = async (body: object): Promise<Answer> => await ask(`${head.adminUrl}/join`, 'POST', { body, dispatcher: anonymous });
  const codeOf = ({ status, body }: Answer) => [status, (body as { code?: string } | undefined)?.code];
  const secretOf = async (): Promise<string> => decodeJoinToken(await makeToken(head))?.secret ?? '';
  /** The head's own CA, which only the head process can have. */
  const authority = async (): Promise<Authority> => {
    const { database, directory } = { database: head.running.database, directory: head.directory };
    const [row] = await database.query<{ value: { certificate: string; sealedKey: string } }>("SELECT value FROM settings WHERE name = 'authority'");
    return { certificatePem: row?.value.certificate ?? '', privateKeyPem: unseal(await loadSealKey(`${directory}/seal.key`), row?.value.sealedKey ?? '') ?? '' };
  };
  const heartbeat = async (node: JoinedNode): Promise<Answer> => await node.say('POST', `/servers/${node.uuid}/events/heartbeat`, {});

  it('takes a token once', async () => {
    const [uuid, secret] = [randomUUID(), await secretOf()];
    const { csr } = await requestFor({ role: 'node', uuid });
    const answers = await Promise.all([1, 2, 3].map(() => join({ secret, uuid, csr })));
    assert.deepEqual(answers.map(codeOf).toSorted(), [[200, undefined], [403, 'TokenUsed'], [403, 'TokenUsed']]);
    assert.deepEqual(codeOf(await join({ secret, uuid, csr })), [403, 'TokenUsed']);
  });

  it('takes no expired token, none that was never made, and nothing else than a join', async () => {
    const uuid = randomUUID();
    const { csr } = await requestFor({ role: 'node', uuid });
    const secret = await secretOf();
    await head.running.database.query("UPDATE join_tokens SET expires_at = now() - interval '1 second' WHERE used_at IS NULL");
    assert.deepEqual(codeOf(await join({ secret, uuid, csr })), [403, 'TokenExpired']);
    assert.deepEqual(codeOf(await join({ secret: 'A'.repeat(43), uuid, csr })), [403, 'InvalidToken']);
    assert.deepEqual(codeOf(await join({ uuid, csr })), [409, 'ValidationFailed']);
    assert.deepEqual(codeOf(await join({ secret, uuid: '../../etc', csr })), [409, 'ValidationFailed']);
    assert.deepEqual(codeOf(await join({ secret, uuid, csr: 'x'.repeat(2 * 1024 * 1024) })), [413, 'RequestEntityTooLarge']);
    for (const ttl of [0, -1, 31 * 86_400, 'soon']) assert.equal((await ask(`${head.url}/tokens`, 'POST', { body: { ttl } })).status, 409, String(ttl));
  });

  it('does not use a token up for a request that is for another node, a head, or not signed by its key', async () => {
    const [uuid, secret] = [randomUUID(), await secretOf()];
    const { csr: other } = await requestFor({ role: 'node', uuid: randomUUID() });
    const { csr: asHead } = await requestFor({ role: 'head' });
    assert.deepEqual(codeOf(await join({ secret, uuid, csr: other })), [409, 'InvalidArgument']);
    assert.deepEqual(codeOf(await join({ secret, uuid, csr: asHead })), [409, 'InvalidArgument']);
    const { csr } = await requestFor({ role: 'node', uuid });
    assert.equal((await join({ secret, uuid, csr, sysinfo: sysinfoOf(randomUUID()) })).status, 409);
    assert.equal((await join({ secret, uuid, csr })).status, 200);
  });

  it('lets nobody in without a certificate, with one of another authority, or one that has expired', async () => {
    const uuid = randomUUID();
    assert.deepEqual(codeOf(await ask(`${head.adminUrl}/servers/${uuid}/events/heartbeat`, 'POST', { body: {}, dispatcher: anonymous })), [401, 'InvalidCredentials']);
    assert.deepEqual(codeOf(await ask(`${head.adminUrl}/servers`, 'GET', { dispatcher: anonymous })), [401, 'InvalidCredentials']);
    assert.deepEqual((await ask(`${head.adminUrl}/ping`, 'GET', { dispatcher: anonymous })).body, { ping: 'pong' });
    const ours = await authority();
    const foreign = await newAuthority({ name: 'Zonewright' });
    const past = new Date(Date.now() - 100 * 24 * 3600 * 1000);
    for (const [issuer, now] of [[foreign, new Date()], [ours, past]] as const) {
      const { key, csr } = await requestFor({ role: 'node', uuid });
      const certificate = await issueCertificate(issuer, csr, { uri: holderUri({ role: 'node', uuid }), name: 'x', now });
      const impostor = nodeWith({ uuid, key, certificate, ca: ours.certificatePem, adminUrl: head.adminUrl });
      assert.deepEqual(codeOf(await heartbeat(impostor)), [401, 'InvalidCredentials']);
      await impostor.close();
    }
  });

  it('lets a node renew its certificate from a new key, for itself alone', async () => {
    const node = await joinTestHead(head);
    const mine = await requestFor({ role: 'node', uuid: node.uuid });
    const renewed = await node.say('POST', '/certificates', { csr: mine.csr });
    assert.equal(renewed.status, 200);
    const { certificate } = renewed.body as { certificate: string };
    assert.notEqual(readCertificate(certificate).fingerprint, readCertificate(node.certificate).fingerprint);
    const again = nodeWith({ ...node, key: mine.key, certificate, adminUrl: head.adminUrl });
    assert.deepEqual(codeOf(await heartbeat(again)), [404, 'ServerNotFound']);
    const theirs = await requestFor({ role: 'node', uuid: randomUUID() });
    assert.deepEqual(codeOf(await node.say('POST', '/certificates', { csr: theirs.csr })), [409, 'InvalidArgument']);
    await again.close();
    await node.close();
  });

  it('refuses a revoked certificate on a connection that is open, and tells nodes of it', async () => {
    const [node, other] = [await joinTestHead(head), await joinTestHead(head)];
    for (const each of [node, other]) await each.say('POST', `/servers/${each.uuid}/sysinfo`, { sysinfo: sysinfoOf(each.uuid) });
    assert.equal((await heartbeat(node)).status, 204);
    const { body } = await ask(`${head.url}/certificates/${node.uuid}`, 'DELETE');
    const [fingerprint] = (body as { revoked: string[] }).revoked;
    assert.equal(fingerprint, readCertificate(node.certificate).fingerprint);
    assert.deepEqual(codeOf(await heartbeat(node)), [401, 'InvalidCredentials']);
    const told = await heartbeat(other);
    assert.ok((told.body as { revoked: string[] }).revoked.includes(fingerprint ?? ''));
    assert.equal((await heartbeat(other)).status, 204);
    assert.equal((await ask(`${head.url}/certificates/${node.uuid}`, 'DELETE')).status, 404);
    await node.close();
    await other.close();
  });

  it('turns away who had a node’s certificate when that node joins again', async () => {
    const before_ = await joinTestHead(head);
    const again = await joinTestHead(head, before_.uuid);
    assert.deepEqual(codeOf(await heartbeat(before_)), [401, 'InvalidCredentials']);
    assert.deepEqual(codeOf(await heartbeat(again)), [404, 'ServerNotFound']);
    await before_.close();
    await again.close();
  });

  it('cuts off who connects to any of its listeners and does not go on', async () => {
    const { internal, admin, cloudapi } = head.running;
    const silent = [internal, admin, cloudapi].map((listener) => connectTcp(listener?.address?.port ?? 0, '127.0.0.1'));
    const halting = [internal, cloudapi].map((listener) => connectTcp(listener.address?.port ?? 0, '127.0.0.1', function (this: Socket) {
      this.write('POST /vms HTTP/1.1\r\nHost: x\r\n');
    }));
    const inTls = connectTls({ port: admin?.address?.port ?? 0, host: '127.0.0.1', rejectUnauthorized: false }, () => inTls.write('POST /join HTTP/1.1\r\nHost: x\r\n'));
    await Promise.all([...silent, ...halting, inTls].map((socket) => new Promise((resolve) => socket.on('error', () => undefined).on('close', resolve).resume())));
  });

  it('keeps the authority’s key sealed: another seal key does not open it, nor does a changed text', async () => {
    const [key, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
    const sealed = seal(key, 'secret');
    assert.equal(unseal(key, sealed), 'secret');
    assert.equal(unseal(other, sealed), undefined);
    assert.equal(unseal(key, `${sealed.slice(0, -6)}AAAAA=`), undefined);
    assert.equal(unseal(key, ''), undefined);
    const [row] = await head.running.database.query<{ value: object }>("SELECT value FROM settings WHERE name = 'authority'");
    assert.ok(!JSON.stringify(row?.value).includes('PRIVATE KEY'));
  });
});
