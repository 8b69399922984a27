import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { agentSocket } from '../../agent/client/local-agent.ts';
import { startAgent, type RunningAgent } from '../support/agent.ts';
import { cli } from '../support/cli.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';

let node: ScratchNode;
let agent: RunningAgent;
let metricsPort: number;

before(async () => {
  node = await scratchNode({ megabytes: 256 });
  metricsPort = await freePort();
  agent = await startAgent(node, {}, ['--metrics-port', String(metricsPort)]);
});

after(async () => {
  await agent.stop();
  await node.remove();
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : assert.fail('no port');
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

interface Asked {
  readonly method?: string;
  readonly path: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function ask({ method = 'GET', path, body, headers = {} }: Asked, where: object = { socketPath: agentSocket(node) }): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ ...where, method, path, headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    sent.on('error', reject).end(body);
  });
}

/** Bytes on a connection of their own, and all that comes back until the agent ends it. */
async function raw(bytes: string): Promise<string> {
  const socket = connect({ path: agentSocket(node) });
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(bytes);
  await once(socket, 'close');
  return text;
}

function code({ text }: Answer): unknown {
  return (JSON.parse(text) as Record<string, unknown>)['code'];
}

test('only root can connect: the socket is 0600, and another user of the host is refused', async () => {
  const { mode, uid, gid } = await stat(agentSocket(node));
  assert.deepEqual([mode & 0o777, uid, gid], [0o600, 0, 0]);
  const script = `require('net').connect(${JSON.stringify(agentSocket(node))}).on('connect', () => process.exit(9)).on('error', (e) => { console.log(e.code); process.exit(3); })`;
  const { status, stdout } = spawnSync(process.execPath, ['-e', script], { uid: 65534, gid: 65534, cwd: '/', encoding: 'utf8' });
  assert.deepEqual([status, stdout], [3, 'EACCES\n']);
});

const MISTAKES: ReadonlyArray<readonly [what: string, asked: Asked, status: number, code: string]> = [
  ['an unknown path', { path: '/nothing' }, 404, 'ResourceNotFound'],
  ['a path that climbs', { path: '/vms/../../etc/passwd' }, 404, 'ResourceNotFound'],
  ['an unknown method', { method: 'PUT', path: '/vms' }, 404, 'ResourceNotFound'],
  ['a body that is not JSON', { method: 'POST', path: '/vms', body: '{"brand": ' }, 400, 'RequestInvalid'],
  ['a payload that is an array', { method: 'POST', path: '/vms', body: '[]' }, 422, 'PayloadNotObject'],
  ['a body of another type', { method: 'POST', path: '/vms', body: 'x', headers: { 'content-type': 'text/plain' } }, 415, 'UnsupportedMediaType'],
  ['a value of another type', { method: 'POST', path: '/vms/x/stop', body: '{"force": "yes"}' }, 400, 'RequestInvalid'],
  ['a signal of a kilobyte', { method: 'POST', path: '/vms/x/kill', body: JSON.stringify({ signal: 'x'.repeat(1024) }) }, 400, 'RequestInvalid'],
  ['a small request with a large body', { method: 'POST', path: '/vms/x/stop', body: JSON.stringify({ pad: 'x'.repeat(70_000) }) }, 413, 'RequestTooLarge'],
  ['a body that claims to be larger than any payload', { method: 'POST', path: '/vms', body: '{}', headers: { 'content-length': String(2 ** 40) } }, 413, 'RequestTooLarge'],
  ['an operation that does not run', { method: 'DELETE', path: '/operations/00000000-0000-4000-8000-000000000000' }, 404, 'NoSuchOperation'],
  ['an instance that is not there', { path: '/vms/00000000-0000-4000-8000-000000000000' }, 404, 'NoSuchVm'],
];

for (const [what, asked, status, wanted] of MISTAKES) {
  test(`${what} is answered ${status} ${wanted}`, async () => {
    const answer = await ask(asked);
    assert.deepEqual([answer.status, code(answer)], [status, wanted], answer.text);
    assert.doesNotMatch(answer.text, /\n\s+at |node_modules/);
  });
}

test('what is not HTTP, and headers without end, are answered and the connection closed', async () => {
  assert.match(await raw('\u0000\u0001\u0002 nonsense\r\n\r\n'), /^HTTP\/1\.1 400 /);
  assert.match(await raw(`GET /vms HTTP/1.1\r\nhost: x\r\npad: ${'x'.repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 431 /);
});

test('a request id is taken over and answered; one that could be more than an id is not', async () => {
  const given = await ask({ path: '/healthz', headers: { 'x-request-id': 'abc-123' } });
  assert.equal(given.headers['x-request-id'], 'abc-123');
  const refused = await ask({ path: '/healthz', headers: { 'x-request-id': '{"a": 1}' } });
  assert.match(String(refused.headers['x-request-id']), /^[0-9a-f-]{36}$/);
});

test('callers that send slowly lose their connection, and keep nobody from being answered', async () => {
  const parts = ['', 'GET /vms HT', 'GET /vms HTTP/1.1\r\nhost: x\r\n', 'POST /vms HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"brand"'];
  const sockets: Socket[] = [];
  const closed = parts.flatMap((part) =>
    Array.from({ length: 25 }, () => {
      const socket = connect({ path: agentSocket(node) }).on('error', () => undefined);
      sockets.push(socket);
      socket.on('connect', () => part !== '' && socket.write(part));
      // One byte now and then must not buy it more time.
      const drip = setInterval(() => socket.writable && part !== '' && socket.write('x'), 500);
      return once(socket.resume(), 'close').finally(() => clearInterval(drip));
    }),
  );
  const { status, stdout } = await cli(node, 'vmadm', ['list', '-H']);
  assert.deepEqual([status, stdout], [0, '']);
  await Promise.all(closed);
  assert.ok(sockets.every(({ destroyed }) => destroyed));
});

test('monitoring gets figures and health on the loopback port, and nothing else', async () => {
  const where = { host: '127.0.0.1', port: metricsPort };
  const metrics = await ask({ path: '/metrics' }, where);
  assert.match(String(metrics.headers['content-type']), /^application\/openmetrics-text/);
  assert.match(metrics.text, /^zonewright_agent_requests_total\{method="GET",route="\/tables\/vms",status="200"\} \d+/m);
  assert.match(metrics.text, /^# EOF$/m);
  assert.equal((await ask({ path: '/healthz' }, where)).status, 200);
  for (const path of ['/vms', '/events', '/operations', '/nictags']) assert.deepEqual([(await ask({ path }, where)).status, code(await ask({ path }, where))], [404, 'ResourceNotFound'], path);
  assert.equal((await ask({ method: 'POST', path: '/vms', body: '{}' }, where)).status, 404);
});

test('an agent whose port is taken says so and ends', async () => {
  const other = await scratchNode({ megabytes: 256 });
  const { status, stderr } = await cli(other, 'zonewright', ['agent', '--stay', '--metrics-port', String(metricsPort)]);
  assert.equal(status, 1);
  assert.match(stderr, new RegExp(`^zonewright agent: port ${metricsPort} of 127\\.0\\.0\\.1 is taken$`, 'm'));
  await other.remove();
  process.env['ZONEWRIGHT_NODE'] = node.configPath;
});

test('secrets of a payload are in no line of the log', async () => {
  const secret = 'gKx81-not-for-the-log';
  await ask({ method: 'POST', path: '/vms', body: JSON.stringify({ brand: 'lx', customer_metadata: { password: secret }, internal_metadata: { key: secret }, alias: [secret] }) });
  const log = await readFile(`${node.runDirectory}/stay.log`, 'utf8');
  assert.match(log, /"verb":"create"/);
  assert.equal(log.includes(secret), false);
});
