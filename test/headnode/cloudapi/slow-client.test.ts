/** Who sends byte by byte, or nothing, does not hold a connection for long. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { serve, type Serving } from './serving.ts';
import { signedHeaders } from './signing.ts';

let serving: Serving;

before(async () => {
  serving = await serve({ headSeconds: 5, bodySeconds: 5 });
});

after(async () => await serving.close());

const PATIENCE_MILLISECONDS = 60_000;

/** Send text, then a byte now and then. @returns when the server has ended the connection: whether it did before our patience was over */
async function drip(start: string, byte: string): Promise<boolean> {
  const socket = connect(serving.port, '127.0.0.1');
  socket.on('error', () => undefined).resume();
  socket.write(start);
  const dripping = setInterval(() => socket.writable && socket.write(byte), 100);
  const patience = setTimeout(() => socket.destroy(new Error('patience is over')), PATIENCE_MILLISECONDS);
  const ended = await new Promise<boolean>((resolve) => socket.once('close', () => resolve(socket.errored?.message !== 'patience is over')));
  clearInterval(dripping);
  clearTimeout(patience);
  return ended;
}

test('a connection on which a head arrives byte by byte is ended', async () => {
  assert.ok(await drip('GET /alice HTTP/1.1\r\nHost: x\r\nX-Slow: ', 'x'));
});

test('a connection on which a body arrives byte by byte is ended, also when the request is signed', async () => {
  const key = serving.keys.ed25519;
  const path = '/alice/keys';
  const headers = signedHeaders({ method: 'POST', path, key, keyId: `/alice/keys/${key.fingerprint}` });
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('');
  assert.ok(await drip(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n${head}\r\n{"name":"`, 'x'));
});

test('meanwhile others are served', async () => {
  const slow = Array.from({ length: 50 }, () => drip('GET /alice HTTP/1.1\r\nX-Slow: ', 'x'));
  const response = await fetch(`${serving.url}/--ping`);
  assert.equal(response.status, 200);
  assert.ok((await Promise.all(slow)).every(Boolean));
});
