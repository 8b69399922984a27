import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, lstat, mkdir, readdir, readFile, readlink, symlink } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildGuestTools } from '../../images/guest-tools/build.ts';
import { servicePid, stopService } from '../../vmadm/metadata/ensure-service.ts';
import { zoneDirectory } from '../../vmadm/metadata/service-paths.ts';
import { cli, type CliResult } from '../support/cli.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';
import { minimalImage } from '../support/seed-images.ts';

let node: ScratchNode;
let image: string;
const quiet = randomUUID();
const noisy = randomUUID();

before(async () => {
  await buildGuestTools();
  node = await scratchNode();
  image = (await minimalImage(node)).lx;
  await create(quiet, { customer_metadata: { color: 'blue' } });
  await create(noisy, { customer_metadata: { color: 'red' }, owner_uuid: randomUUID() });
});

after(async () => {
  for (const uuid of [quiet, noisy]) await cli(node, 'vmadm', ['delete', uuid]);
  await node.remove();
});

async function create(uuid: string, more: Record<string, unknown>): Promise<void> {
  const payload = { uuid, brand: 'lx', kernel_version: '6.1.0', image_uuid: image, quota: 1, max_physical_memory: 128, ...more };
  const { status, stderr } = await cli(node, 'vmadm', ['create'], { input: JSON.stringify(payload) });
  assert.equal(status, 0, stderr);
}

function color(uuid: string): Promise<CliResult> {
  return cli(node, 'zlogin', [uuid, 'mdata-get color']);
}

async function zonePid(uuid: string): Promise<unknown> {
  return (JSON.parse((await cli(node, 'vmadm', ['get', uuid])).stdout) as Record<string, unknown>)['pid'];
}

async function pidOfService(): Promise<number> {
  const pid = await servicePid(node);
  assert.ok(pid, 'no service runs');
  return pid;
}

async function killService(): Promise<void> {
  process.kill(await pidOfService(), 'SIGKILL');
  while ((await servicePid(node)) !== undefined) await sleep(5);
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    assert.ok(tries < 600, 'it did not come about');
    await sleep(50);
  }
}

/** A client on the host's side of a zone's socket: the same conversation as from inside, without its limits. */
async function connectTo(uuid: string): Promise<{ socket: Socket; answers: () => string }> {
  const socket = connect({ path: join(zoneDirectory(node, uuid), 'metadata.sock') });
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (text = (text + chunk).slice(-10_000)));
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return { socket, answers: () => text };
}

async function residentMebibytes(): Promise<number> {
  const status = await readFile(`/proc/${await pidOfService()}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

test('the service is nobody\'s child: a session of its own, no directory of ours, nothing of the caller\'s environment', async () => {
  const pid = await pidOfService();
  const stat = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /s, '').split(' ');
  assert.equal(Number(stat[3]), pid, 'it leads its session');
  assert.equal(Number(stat[4]), 0, 'it has no terminal');
  assert.equal(await readlink(`/proc/${pid}/cwd`), '/');
  const names = (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0').filter((entry) => entry !== '').map((entry) => entry.split('=')[0]);
  assert.deepEqual(names.sort(), ['LC_ALL', 'PATH', 'ZONEWRIGHT_NODE']);
});

test('two guests have one service, and each reads its own', async () => {
  assert.deepEqual([(await color(quiet)).stdout, (await color(noisy)).stdout], ['blue\n', 'red\n']);
});

test('guests live on when the service is killed, and the next command that changes something brings it back', async () => {
  const [pid, init] = [await pidOfService(), await zonePid(quiet)];
  await killService();
  assert.equal(await zonePid(quiet), init);
  assert.equal(await servicePid(node), undefined, 'get must not start it');
  await cli(node, 'vmadm', ['delete', randomUUID()]);
  await until(async () => (await servicePid(node)) !== undefined);
  assert.notEqual(await servicePid(node), pid);
  assert.deepEqual([(await color(quiet)).stdout, await zonePid(quiet)], ['blue\n', init]);
});

test('a guest that asks while nobody answers is answered by the next service', async () => {
  await killService();
  const asking = color(quiet);
  await until(async () => (await cli(node, 'zlogin', [quiet, 'pidof mdata-get'])).status === 0);
  await cli(node, 'vmadm', ['start', quiet]);
  assert.deepEqual(await asking, { stdout: 'blue\n', stderr: '', status: 0, signal: null });
});

test('a zone that boots brings the service back too, and many at a time bring back one', async () => {
  for (const uuid of [quiet, noisy]) await cli(node, 'vmadm', ['stop', '-F', uuid]);
  await stopService(node);
  const started = await Promise.all([quiet, noisy].map((uuid) => cli(node, 'vmadm', ['start', uuid])));
  assert.deepEqual(started.map(({ status }) => status), [0, 0], started.map(({ stderr }) => stderr).join());
  assert.deepEqual([(await color(quiet)).stdout, (await color(noisy)).stdout], ['blue\n', 'red\n']);
});

test('a value of a gigabyte is refused, and the memory of the service stays bounded', async () => {
  const { socket, answers } = await connectTo(noisy);
  const before_ = await residentMebibytes();
  socket.write('V2 1400000000 00000000 0123abcd PUT ');
  const block = Buffer.alloc(4 * 1024 * 1024, 0x41);
  let most = before_;
  for (let sent = 0; sent < 256; sent++) {
    if (!socket.write(block)) await once(socket, 'drain');
    if (sent % 32 === 0) most = Math.max(most, await residentMebibytes());
  }
  assert.equal((await color(quiet)).stdout, 'blue\n');
  socket.write('\n');
  await until(async () => /^V2 \d+ [0-9a-f]{8} 0123abcd FAILURE \S+\n$/.test(answers()));
  most = Math.max(most, await residentMebibytes());
  assert.ok(most - before_ < 150, `it grew by ${most - before_} MiB`);
  socket.destroy();
});

test('a flood of requests from one zone leaves the other served, and does not open more connections than it may', async () => {
  const floods = await Promise.all(Array.from({ length: 40 }, () => connectTo(noisy)));
  for (const { socket } of floods) socket.write('GET color\n'.repeat(20_000));
  await until(async () => floods.filter(({ socket }) => !socket.closed).length <= 16);
  for (let tries = 0; tries < 3; tries++) assert.equal((await color(quiet)).stdout, 'blue\n');
  assert.ok(floods.some(({ answers }) => answers().includes('red')), 'the flood was not served at all');
  for (const { socket } of floods) socket.destroy();
  await until(async () => (await color(noisy)).stdout === 'red\n');
});

test('connections that say nothing or garbage, or never read, end nobody\'s service', async () => {
  const pid = await pidOfService();
  const silent = await connectTo(noisy);
  const garbage = await connectTo(noisy);
  garbage.socket.write(Buffer.from(Array.from({ length: 4096 }, (_, index) => index % 256)));
  const deaf = await connectTo(noisy);
  deaf.socket.pause();
  deaf.socket.write('KEYS\n'.repeat(100_000));
  const abrupt = await connectTo(noisy);
  abrupt.socket.write('GET col');
  abrupt.socket.destroy();
  assert.equal((await color(noisy)).stdout, 'red\n');
  assert.equal((await color(quiet)).stdout, 'blue\n');
  for (const { socket } of [silent, garbage, deaf]) socket.destroy();
  assert.equal(await servicePid(node), pid);
});

test('a zone whose owner put links in the way of the mounts boots, and nothing is made where they point', async () => {
  const uuid = randomUUID();
  const target = join(node.runDirectory, '..', `trap-${uuid}`);
  await mkdir(target, { mode: 0o777 });
  await create(uuid, { autoboot: false });
  const root = join(node.mountpoint, uuid, 'root');
  await chmod(target, 0o777);
  await symlink(target, join(root, 'native'));
  assert.equal((await cli(node, 'vmadm', ['start', uuid])).status, 0);
  assert.deepEqual(await readdir(target), []);
  assert.ok((await lstat(join(root, 'native'))).isSymbolicLink());
  const { status } = await cli(node, 'zlogin', [uuid, 'mdata-get sdc:uuid']);
  assert.equal(status, 0);
  // The zone makes the same trap for its own next boot, which we do not see coming.
  await cli(node, 'zlogin', [uuid, `umount /.zonecontrol; rmdir /.zonecontrol; ln -s ${target} /.zonecontrol; reboot`]);
  await until(async () => (await cli(node, 'zlogin', [uuid, 'true'])).status === 0);
  assert.deepEqual(await readdir(target), []);
  await cli(node, 'vmadm', ['delete', uuid]);
});

function agent(...args: string[]) {
  const program = join(import.meta.dirname, '../../bin/zonewright-agent.ts');
  return spawn(process.execPath, [program, ...args], { stdio: 'ignore', env: { ZONEWRIGHT_NODE: node.configPath } });
}

test('an agent that is to stay takes over, serves on when nobody runs, and ends when it is told to', async () => {
  const staying = agent('--stay', '--idle-seconds', '0.1');
  await until(async () => (await servicePid(node)) === staying.pid);
  assert.equal((await color(quiet)).stdout, 'blue\n');
  const second = agent();
  assert.deepEqual(await once(second, 'exit'), [0, null], 'a second one leaves the place to the first');
  assert.equal(await servicePid(node), staying.pid);
  staying.kill('SIGTERM');
  assert.deepEqual(await once(staying, 'exit'), [0, null]);
});

test('an agent that need not stay ends by itself when no instance runs, and not before', async () => {
  await stopService(node);
  const passing = agent('--idle-seconds', '0.5');
  await until(async () => (await servicePid(node)) === passing.pid);
  assert.equal((await color(quiet)).stdout, 'blue\n');
  await sleep(3000);
  assert.equal(passing.exitCode, null);
  for (const uuid of [quiet, noisy]) await cli(node, 'vmadm', ['stop', '-F', uuid]);
  if (passing.exitCode === null) await once(passing, 'exit');
  assert.equal(passing.exitCode, 0);
  assert.equal(await servicePid(node), undefined);
});
