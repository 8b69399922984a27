import assert from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { chunksAtRate } from '../../../host/transfer/minimum-rate.ts';

const tooSlow = (): Error => new Error('too slow');
const RATE = { bytes: 10, seconds: 0.3 };

test('a stream that is fast enough comes through as it is', async () => {
  const chunks: Buffer[] = [];
  for await (const chunk of chunksAtRate(Readable.from([Buffer.from('ab'), Buffer.from('cd')]), RATE, tooSlow)) chunks.push(chunk);
  assert.equal(Buffer.concat(chunks).toString(), 'abcd');
});

test('a stream that says nothing is ended', async () => {
  const silent = new PassThrough();
  await assert.rejects(async () => {
    for await (const _ of chunksAtRate(silent, RATE, tooSlow)) assert.fail('nothing was sent');
  }, /too slow/);
  assert.equal(silent.destroyed, true);
});

test('a stream that trickles is ended', async () => {
  const trickle = new PassThrough();
  const timer = setInterval(() => trickle.write('x'), 50);
  await assert.rejects(async () => {
    for await (const chunk of chunksAtRate(trickle, RATE, tooSlow)) assert.ok(chunk.length > 0);
  }, /too slow/);
  clearInterval(timer);
});

test('a reader that takes its time is no fault of the stream', async () => {
  let read = 0;
  for await (const chunk of chunksAtRate(Readable.from([Buffer.from('a'), Buffer.from('b')]), RATE, tooSlow)) {
    await sleep(900);
    read += chunk.length;
  }
  assert.equal(read, 2);
});

test('what breaks the stream is told', async () => {
  const broken = new PassThrough();
  broken.destroy(new Error('broken'));
  await assert.rejects(async () => {
    for await (const _ of chunksAtRate(broken, RATE, tooSlow)) assert.fail('nothing was sent');
  }, /broken/);
});
