import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { call, perform } from '../../agent/client/call.ts';
import { localTransport } from '../../agent/client/transport.ts';
import { isErrorCode } from '../../host/errors/errors.ts';

/** A server that answers every request with these bytes and, unless it is to stay silent, ends the connection. */
async function withServer(answer: string | undefined, work: (path: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'zonewright-agent-'));
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).once('data', () => answer !== undefined && socket.end(answer));
  });
  try {
    server.listen({ path: join(directory, 'agent.sock') });
    await once(server, 'listening');
    await work(join(directory, 'agent.sock'));
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
    await rm(directory, { recursive: true });
  }
}

async function transportAt(path: string) {
  const transport = await localTransport(path);
  return transport ?? assert.fail('nobody listens');
}

const LIST = { method: 'GET', path: '/vms' } as const;

test('nobody is there when there is no socket, or one that a dead agent left', async () => {
  assert.equal(await localTransport('/nonexistent/agent.sock'), undefined);
});

test('an agent that accepts and does not answer is not waited for without end', async () => {
  await withServer(undefined, async (path) => {
    await assert.rejects(call(await transportAt(path), { ...LIST, patience: 0.2 }), (error) => isErrorCode(error, 'AgentSilent'));
  });
});

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\n';

for (const [what, answer, code] of [
  ['hangs up before it answers', '', 'AgentLost'],
  ['hangs up in the middle of its answer', `${HEAD}content-length: 1000\r\n\r\n{"operation"`, 'AgentLost'],
  ['ends its answer without an end of the operation', `${HEAD}connection: close\r\n\r\n{"operation": "x"}\n`, 'AgentLost'],
  ['answers with something else than JSON', `${HEAD}connection: close\r\n\r\n<html>\n`, 'AgentUnintelligible'],
  ['fails without saying how', 'HTTP/1.1 500 Oops\r\ncontent-length: 2\r\n\r\n{}', 'AgentUnintelligible'],
] as const) {
  test(`an agent that ${what}: ${code}`, async () => {
    await withServer(answer, async (path) => {
      await assert.rejects(perform(await transportAt(path), { method: 'DELETE', path: '/vms/x' }), (error) => isErrorCode(error, code));
    });
  });
}

test('an error that the agent answers is thrown here as it was there', async () => {
  const body = JSON.stringify({ code: 'NoSuchVm', message: 'zoneadm: x: No such zone configured', hint: 'Look.', details: ['a'], exitStatus: 3 });
  await withServer(`HTTP/1.1 404 Not Found\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`, async (path) => {
    await assert.rejects(call(await transportAt(path), LIST), { code: 'NoSuchVm', message: 'zoneadm: x: No such zone configured', hint: 'Look.', details: ['a'], exitStatus: 3, httpStatus: 404 });
  });
});
