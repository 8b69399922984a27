import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { headConfigSchema } from '../../../headnode/config.ts';
import { startHead, type RunningHead } from '../../../headnode/main.ts';
import { fleetPki } from '../../support/fleet-pki.ts';
import { newKey } from './serving.ts';
import { openTriton } from './triton.ts';

const key = newKey('ecdsa');
let directory: string;
let running: RunningHead;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'zonewright-head-'));
  const files = { certificate: join(directory, 'cert.pem'), key: join(directory, 'key.pem') };
  const pair = await (await fleetPki()).issue({ role: 'head' });
  await writeFile(files.certificate, pair.cert);
  await writeFile(files.key, pair.key, { mode: 0o600 });
  const config = headConfigSchema.parse({ internal: { port: 0 }, cloudapi: { port: 0, ...files }, datacenter: 'east', log_level: 'error' });
  running = await startHead({ directory, config });
  const { uuid } = await running.head.services.accounts.add({ login: 'alice', email: 'alice@example.com' });
  await running.head.services.accounts.addKey(uuid, { key: key.publicText });
});

after(async () => {
  await running.close();
  await rm(directory, { recursive: true, force: true });
});

test('with a certificate CloudAPI speaks HTTPS, and tells clients so', async () => {
  const url = `https://127.0.0.1:${running.cloudapi.address?.port}`;
  await using triton = await openTriton([key], { url, account: 'alice', keyId: key.fingerprint });
  // Nobody that the client knows has signed the certificate.
  const { status, stdout, stderr } = await triton('-i', 'datacenters', '-j');
  assert.equal(status, 0, stderr);
  assert.deepEqual(JSON.parse(stdout), { east: url });
  assert.notEqual((await triton('datacenters')).status, 0);
});

test('elsewhere than on loopback it needs a certificate', () => {
  const outside = headConfigSchema.safeParse({ cloudapi: { address: '192.0.2.1' } });
  assert.match(outside.error?.issues[0]?.message ?? '', /needs certificate and key/);
  assert.ok(headConfigSchema.safeParse({ cloudapi: { address: '192.0.2.1', certificate: '/c', key: '/k' } }).success);
});
