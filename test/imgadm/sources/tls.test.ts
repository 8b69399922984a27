import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { HEAD_URI, holderUri } from '../../../agent/wire/roles.ts';
import { issueCertificate, newAuthority, type Authority } from '../../../host/pki/authority.ts';
import { newPrivateKey } from '../../../host/pki/keys.ts';
import { newRequest } from '../../../host/pki/request.ts';
import { openImageServer, type ImageSource } from '../../../imgadm/index.ts';

const NODE = '4a1d7f0e-52a1-4b7e-9f5c-3f2a8f2f6b11';
const NODE_URI = holderUri({ role: 'node', uuid: NODE });

let directory: string;
let authority: Authority;
let stranger: Authority;
let head: Server;
let node: Server;
/** Who showed a certificate to the head. */
const callers: string[] = [];

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sources-tls-'));
  [authority, stranger] = [await newAuthority({ name: 'ours' }), await newAuthority({ name: 'theirs' })];
  [head, node] = [await serve(HEAD_URI), await serve(NODE_URI)];
  await writeFile(join(directory, 'ca.pem'), authority.certificatePem);
  await writeFile(join(directory, 'other.pem'), stranger.certificatePem);
  const { cert, key } = await certificate(authority, NODE_URI);
  await writeFile(join(directory, 'node.pem'), `${key}\n${cert}`);
});
after(async () => {
  for (const server of [head, node]) {
    server.closeAllConnections();
    server.close();
  }
  await rm(directory, { recursive: true });
});

test('a head node is known by its role, and told who asks', async () => {
  await ping({ url: urlOf(head), tls: identity() });
  assert.equal(callers.at(-1), `URI:${NODE_URI}`);
});

test('an identity in memory does the same', async () => {
  const { cert, key } = await certificate(authority, HEAD_URI);
  await ping({ url: urlOf(head), identity: { ca: authority.certificatePem, cert, key, serverUri: HEAD_URI } });
  assert.equal(callers.at(-1), `URI:${HEAD_URI}`);
});

const REFUSED: ReadonlyArray<readonly [what: string, source: () => Omit<ImageSource, 'type'>, message: RegExp]> = [
  ['a node that plays the head node', () => ({ url: urlOf(node), tls: identity() }), /the server's certificate does not say that it is urn:zonewright:head$/],
  ['another authority', () => ({ url: urlOf(head), tls: { ...identity(), ca: join(directory, 'other.pem') } }), /(self-signed|unable to verify|issuer certificate)/],
  ['an authority that the system does not know', () => ({ url: urlOf(head) }), /(self-signed|unable to verify|issuer certificate)/],
  ['a server whose certificate names no host, when the host is asked for', () => ({ url: urlOf(head), tls: { ...identity(), serverUri: undefined } }) as unknown as Omit<ImageSource, 'type'>, /(altnames|Cert does not contain|IP: 127\.0\.0\.1)/],
  ['no certificate of ours, when one is required', () => ({ url: urlOf(head), tls: { ca: join(directory, 'ca.pem'), serverUri: HEAD_URI } }), /./],
];

for (const [what, source, message] of REFUSED) {
  test(`nothing is asked of ${what}`, async () => {
    const before = callers.length;
    await assert.rejects(ping(source()), { code: 'ClientError', message });
    assert.equal(callers.length, before);
  });
}

test('files that cannot be read are named', async () => {
  await assert.rejects(ping({ url: urlOf(head), tls: { ...identity(), key: join(directory, 'none.pem') } }), { code: 'ConfigError', message: /none\.pem cannot be used: it cannot be read: ENOENT$/ });
});

test('insecure asks nothing of a certificate', () => ping({ url: urlOf(node), insecure: true, tls: { cert: join(directory, 'node.pem'), key: join(directory, 'node.pem') } }));

function identity() {
  const own = join(directory, 'node.pem');
  return { ca: join(directory, 'ca.pem'), cert: own, key: own, serverUri: HEAD_URI };
}

async function ping(source: Omit<ImageSource, 'type'>): Promise<void> {
  const api = await openImageServer({ type: 'imgapi', ...source });
  try {
    await api.ping();
  } finally {
    await api.close();
  }
}

async function certificate(from: Authority, uri: string): Promise<{ cert: string; key: string }> {
  const key = await newPrivateKey();
  return { key, cert: await issueCertificate(from, await newRequest(key, { uri, name: 'test' }), { uri, name: 'test' }) };
}

async function serve(uri: string): Promise<Server> {
  const server = createServer({ ...(await certificate(authority, uri)), ca: authority.certificatePem, requestCert: true, rejectUnauthorized: true }, (request, response) => {
    callers.push((request.socket as TLSSocket).getPeerCertificate().subjectaltname ?? '');
    response.end('{"ping":"pong","imgapi":true}');
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function urlOf(server: Server): string {
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
