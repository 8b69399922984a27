/** Screens over the network: where they are, who may look, and that they are there again after the service died. */
import assert from 'node:assert/strict';
import { createCipheriv, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, rename, symlink } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { machineRuntime } from '../../../vmadm/machines/runtime.ts';
import { servicePid } from '../../../vmadm/metadata/ensure-service.ts';
import { cli } from '../../support/cli.ts';
import { scratchNode, type ScratchNode } from '../../support/scratch-node.ts';

let node: ScratchNode;
const open_ = randomUUID();
const locked = randomUUID();

before(async () => {
  node = await scratchNode({ megabytes: 1024 });
  await create(open_, {});
  await create(locked, { vnc_password: 'geheim' });
});

after(async () => {
  for (const uuid of [open_, locked]) await cli(node, 'vmadm', ['delete', uuid]);
  await node.remove();
});

async function create(uuid: string, more: Record<string, unknown>): Promise<void> {
  const payload = { uuid, brand: 'kvm', ram: 64, quota: 1, disks: [{ size: 16, model: 'virtio', refreservation: 0 }], ...more };
  const { status, stderr } = await cli(node, 'vmadm', ['create'], { input: JSON.stringify(payload) });
  assert.equal(status, 0, stderr);
}

interface Vnc {
  readonly host?: string;
  readonly port?: number;
  readonly display?: number;
  readonly password?: string;
}

async function vncOf(uuid: string): Promise<Vnc> {
  const { stdout, stderr, status } = await cli(node, 'vmadm', ['info', uuid, 'vnc']);
  assert.equal(status, 0, stderr);
  return (JSON.parse(stdout) as { vnc: Vnc }).vnc;
}

async function update(uuid: string, payload: Record<string, unknown>): Promise<void> {
  const { stderr, status } = await cli(node, 'vmadm', ['update', uuid], { input: JSON.stringify(payload) });
  assert.deepEqual([status, stderr], [0, `Successfully updated VM ${uuid}\n`]);
}

/** What a client of VNC 3.8 is offered: 1 is none, 2 is a password; with one, whether it lets in (RFC 6143 §7). */
async function handshake({ host, port }: Vnc, password?: string): Promise<{ types: number[]; result: number | undefined }> {
  const socket = connect({ host: host ?? '', port: port ?? 0 });
  try {
    await once(socket, 'connect');
    assert.equal((await take(socket, 12)).toString(), 'RFB 003.008\n');
    socket.write('RFB 003.008\n');
    const types = [...(await take(socket, (await take(socket, 1)).readUInt8()))];
    if (password === undefined) return { types, result: undefined };
    socket.write(Buffer.from([2]));
    socket.write(encrypted(await take(socket, 16), password));
    return { types, result: (await take(socket, 4)).readUInt32BE() };
  } finally {
    socket.destroy();
  }
}

async function take(socket: Socket, bytes: number): Promise<Buffer> {
  for (;;) {
    const chunk = socket.read(bytes) as Buffer | null;
    if (chunk) return chunk;
    assert.ok(!socket.readableEnded, 'the connection was closed');
    await Promise.race([once(socket, 'readable'), once(socket, 'end')]);
  }
}

/** VNC's DES has the bits of each byte of its key the other way round. Three times the same key is DES, which OpenSSL has put away. */
function encrypted(challenge: Buffer, password: string): Buffer {
  const key = Buffer.alloc(8);
  key.write(password);
  const mirrored = Buffer.from(key.map((byte) => Number.parseInt(byte.toString(2).padStart(8, '0').split('').reverse().join(''), 2)));
  const cipher = createCipheriv('des-ede3', Buffer.concat([mirrored, mirrored, mirrored]), null).setAutoPadding(false);
  return Buffer.concat([cipher.update(challenge), cipher.final()]);
}

async function isRefused({ host, port }: Vnc): Promise<boolean> {
  const socket = connect({ host: host ?? '', port: port ?? 0 });
  return once(socket, 'connect').then(
    () => (socket.destroy(), false),
    () => true,
  );
}

async function freePort(host: string): Promise<number> {
  const server = createServer().listen({ host, port: 0 });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

test('without a password the screen is on loopback alone, on any free port, and info says which', async () => {
  const vnc = await vncOf(open_);
  assert.equal(vnc.host, '127.0.0.1');
  assert.equal(vnc.display, (vnc.port ?? 0) - 5900);
  assert.equal('password' in vnc, false);
  assert.deepEqual(await handshake(vnc), { types: [1], result: undefined });
});

test('with a password it is on the admin network, lets in whoever knows it and nobody else', async () => {
  const vnc = await vncOf(locked);
  assert.deepEqual([vnc.host, vnc.password], ['10.77.0.1', 'geheim']);
  assert.deepEqual(await handshake(vnc, 'geheim'), { types: [2], result: 0 });
  assert.deepEqual(await handshake(vnc, 'falsch'), { types: [2], result: 1 });
  await update(locked, { vnc_password: 'anders' });
  assert.deepEqual(await handshake(vnc, 'geheim'), { types: [2], result: 1 });
  assert.deepEqual(await handshake(vnc, 'anders'), { types: [2], result: 0 });
});

test('a password that a running machine is given opens the admin network only when it asks for it', async () => {
  const uuid = randomUUID();
  await create(uuid, {});
  const { stderr } = await cli(node, 'vmadm', ['update', uuid], { input: JSON.stringify({ vnc_password: 'spaeter' }) });
  assert.match(stderr, /^Successfully updated VM /);
  assert.equal((await vncOf(uuid)).host, '127.0.0.1');
  await cli(node, 'vmadm', ['stop', '-F', uuid]);
  await cli(node, 'vmadm', ['start', uuid]);
  const vnc = await vncOf(uuid);
  assert.equal(vnc.host, '10.77.0.1');
  assert.deepEqual(await handshake(vnc, 'spaeter'), { types: [2], result: 0 });
  await cli(node, 'vmadm', ['delete', uuid]);
});

test('another port is there at once, -1 is none, and 0 is any again', async () => {
  const first = await vncOf(open_);
  const port = await freePort('127.0.0.1');
  await update(open_, { vnc_port: port });
  const second = await vncOf(open_);
  assert.deepEqual([second.port, second.display], [port, port - 5900]);
  assert.deepEqual((await handshake(second)).types, [1]);
  assert.ok(await isRefused(first), 'it is still on its first port');
  await update(open_, { vnc_port: -1 });
  assert.deepEqual(Object.keys(await vncOf(open_)), ['socket']);
  assert.ok(await isRefused(second), 'it is still on a port');
  await update(open_, { vnc_port: 0 });
  assert.deepEqual((await handshake(await vncOf(open_))).types, [1]);
});

test('a port that something else has is not taken, and the machine runs on', async () => {
  const other = createServer().listen({ host: '127.0.0.1', port: 0 });
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  await update(open_, { vnc_port: port });
  assert.deepEqual(Object.keys(await vncOf(open_)), ['socket']);
  other.close();
  await once(other, 'close');
  // It is tried again at the service's next look around.
  for (let tries = 0; tries < 600 && (await vncOf(open_)).port !== port; tries++) await sleep(100);
  assert.deepEqual((await handshake(await vncOf(open_))).types, [1]);
  await update(open_, { vnc_port: 0 });
});

test('when the service has died the screen is back on the same port', async () => {
  const before_ = await vncOf(open_);
  const pid = await servicePid(node);
  assert.ok(pid);
  process.kill(pid, 'SIGKILL');
  while (existsSync(`/proc/${pid}`)) await sleep(5);
  assert.ok(await isRefused(before_));
  const after_ = await vncOf(open_);
  assert.equal(after_.port, before_.port);
  assert.deepEqual((await handshake(after_)).types, [1]);
});

test('the port is written down without the password', async () => {
  assert.deepEqual(Object.keys(JSON.parse(await readFile(join(machineRuntime(node, locked).directory, 'vnc.json'), 'utf8')) as object), ['host', 'port']);
});

test('a machine that puts a link in the place of its screen\'s socket gets nobody connected to what it names', async () => {
  const sockets = join(machineRuntime(node, open_).directory, 'sockets');
  const secret = join(node.runDirectory, 'secret.sock');
  let visitors = 0;
  const server = createServer((socket) => (visitors++, socket.end('secret'))).listen({ path: secret });
  await once(server, 'listening');
  await rename(join(sockets, 'vnc'), join(sockets, 'vnc.real'));
  await symlink(secret, join(sockets, 'vnc'));
  const { host, port } = await vncOf(open_);
  const socket = connect({ host: host ?? '', port: port ?? 0 });
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString())).on('error', () => undefined);
  await once(socket, 'close');
  assert.deepEqual([visitors, text], [0, '']);
  server.close();
  await rename(join(sockets, 'vnc.real'), join(sockets, 'vnc'));
  assert.deepEqual((await handshake(await vncOf(open_))).types, [1]);
});
