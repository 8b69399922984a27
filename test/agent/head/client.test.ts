import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { newBackoff } from '../../../agent/head/backoff.ts';
import { openHeadClient, refusalOf, type HeadClient } from '../../../agent/head/client.ts';
import { newNap } from '../../../agent/head/nap.ts';
import { fleetPki, type FleetPki } from '../../support/fleet-pki.ts';
import { recordingHead, type RecordingHead } from '../../support/recording-head.ts';

let pki: FleetPki;
let first: RecordingHead;
let second: RecordingHead;
let client: HeadClient;
const MESSAGE = { method: 'POST', path: '/x', body: {} } as const;

before(async () => {
  pki = await fleetPki();
  [first, second] = await Promise.all([recordingHead(pki), recordingHead(pki)]);
  client = openHeadClient({ identity: await pki.identity(randomUUID(), [first.url, second.url]) });
});
after(async () => {
  await client.close();
  await first.close();
  await second.close();
});

test('head nodes are tried in turn, and the one that answered is asked first from then on', async () => {
  await client.send(MESSAGE);
  assert.deepEqual([first.heard.length, second.heard.length], [1, 0]);
  await first.leave();
  await client.send(MESSAGE);
  await first.comeBack();
  await client.send(MESSAGE);
  assert.deepEqual([first.heard.length, second.heard.length], [1, 2]);
  await second.leave();
  await client.send(MESSAGE);
  await second.comeBack();
  assert.deepEqual([first.heard.length, second.heard.length], [2, 2]);
});

test('one that is in trouble is passed over, one that refuses is heeded', async () => {
  first.answer(() => ({ status: 503, body: { code: 'ServiceUnavailableError', message: 'later' } }));
  assert.equal((await client.send(MESSAGE)).status, 204);
  second.answer(() => ({ status: 404, body: { code: 'ResourceNotFound', message: 'who?' } }));
  await assert.rejects(client.send(MESSAGE), (error) => refusalOf(error)?.status === 404 && refusalOf(error)?.code === 'ResourceNotFound');
  second.answer(() => ({ status: 500, body: 'x' }));
  await assert.rejects(client.send(MESSAGE), (error) => refusalOf(error)?.status === 500 || refusalOf(error)?.status === 503);
  for (const head of [first, second]) head.answer(() => ({ status: 204 }));
});

test('a head node that hangs is given up, and one with another authority is not spoken to', async () => {
  first.answer(() => new Promise(() => undefined));
  second.answer(() => new Promise(() => undefined));
  await assert.rejects(client.send({ ...MESSAGE, timeout: 100 }), { code: 'HeadUnreachable', message: /did not answer in time/ });
  const stranger = await recordingHead(await fleetPki());
  const lonely = openHeadClient({ identity: await pki.identity(randomUUID(), [stranger.url]) });
  await assert.rejects(lonely.send(MESSAGE), { code: 'HeadUnreachable' });
  assert.equal(stranger.heard.length, 0);
  await lonely.close();
  await stranger.close();
});

test('pauses grow by 1.6 with a fifth of chance up to the longest, and begin anew after a success', () => {
  const even = newBackoff({ random: () => 0.5 });
  const pauses = Array.from({ length: 20 }, () => even.next());
  assert.deepEqual(pauses.slice(0, 4).map(Math.round), [500, 800, 1280, 2048]);
  assert.equal(pauses.at(-1), 12_500);
  const unlucky = newBackoff({ random: () => 1 });
  assert.equal(Math.max(...Array.from({ length: 20 }, () => unlucky.next())), 15_000);
  even.reset();
  assert.equal(even.next(), 500);
  assert.deepEqual([newBackoff({ random: () => 0 }).next(), newBackoff({ random: () => 1 }).next()], [400, 600]);
});

test('a nap ends when it is woken or when the signal is aborted', async () => {
  const ended = new AbortController();
  const nap = newNap(ended.signal);
  const napping = nap.take(3_600_000);
  nap.wake();
  await napping;
  const again = nap.take(3_600_000);
  ended.abort();
  await again;
  await nap.take(3_600_000);
});
