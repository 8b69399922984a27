/**
 * The serial line from a machine's tools to the host, without the machine: socat stands where QEMU does, between a
 * unix socket that the agent connects to and a terminal that the tools find as `/dev/ttyS1` in a root of their own.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, realpath, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { run, type RunResult } from '../../host/run/run.ts';
import { buildGuestTools } from '../../images/guest-tools/build.ts';
import { serveMetadata, servicePid, stopService } from '../../vmadm/metadata/ensure-service.ts';
import { machineSerial } from '../../vmadm/metadata/service-paths.ts';
import type { VmRecord } from '../../vmadm/payload/index.ts';
import { readRecord, removeRecord, writeRecord } from '../../vmadm/store/records.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';

let node: ScratchNode;
let root: string;
let line: ChildProcess;
const uuid = randomUUID();

before(async () => {
  const tools = await buildGuestTools();
  node = await scratchNode({ megabytes: 256 });
  const record = { uuid, brand: 'kvm', alias: 'machine', customer_metadata: { color: 'blue' }, internal_metadata: {}, tags: {}, nics: [], resolvers: [], routes: {}, create_timestamp: '' };
  await writeRecord(node, record as unknown as VmRecord);
  root = join(node.runDirectory, '..', 'guest');
  await mkdir(join(root, 'dev'), { recursive: true });
  for (const name of ['mdata-get', 'mdata-put']) await copyFile(join(tools, name), join(root, name));
  await writeFile(join(root, 'dev/ttyS1'), '');
  await mkdir(dirname(machineSerial(node, uuid)), { recursive: true });
  await plugIn();
});

after(async () => {
  await unplug();
  await stopService(node);
  await rm(dirname(dirname(machineSerial(node, uuid))), { recursive: true, force: true });
  await removeRecord(node, uuid);
  await node.remove();
});

async function plugIn(): Promise<void> {
  const terminal = join(root, 'terminal');
  line = spawn('socat', [`PTY,link=${terminal},rawer,wait-slave=0`, `UNIX-LISTEN:${machineSerial(node, uuid)}`], { stdio: 'ignore' });
  while (!existsSync(terminal) || !existsSync(machineSerial(node, uuid))) await sleep(10);
  await run(['mount', '--bind', await realpath(terminal), join(root, 'dev/ttyS1')]);
}

async function unplug(): Promise<void> {
  if (line.exitCode === null && line.signalCode === null) {
    line.kill('SIGKILL');
    await once(line, 'exit');
  }
  await run(['umount', join(root, 'dev/ttyS1')]);
  for (const path of [join(root, 'terminal'), machineSerial(node, uuid)]) await rm(path, { force: true });
}

function guest(...argv: [string, ...string[]]): Promise<RunResult> {
  return run(['chroot', root, ...argv], { acceptExitCodes: [0, 1, 2, 10] });
}

test('a machine reads and writes its metadata over its second serial port', async () => {
  await serveMetadata(node, uuid);
  assert.deepEqual(await guest('/mdata-get', 'color'), { stdout: 'blue\n', stderr: '', exitCode: 0 });
  assert.equal((await guest('/mdata-put', 'status', 'booted')).exitCode, 0);
  assert.equal((await readRecord(node, uuid))?.customer_metadata['status'], 'booted');
  assert.equal((await guest('/mdata-get', 'sdc:alias')).stdout, 'machine\n');
  assert.deepEqual(await guest('/mdata-get', 'nothing'), { stdout: '', stderr: "No metadata for 'nothing'\n", exitCode: 1 });
});

test('what another program left half-said on the line does not spoil the next question', async () => {
  await writeFile(join(root, 'terminal'), 'V2 2000 00000000 0123abcd PUT QUFB');
  assert.equal((await guest('/mdata-get', 'color')).stdout, 'blue\n');
});

test('values of many lines and of many kilobytes cross the line whole', async () => {
  const value = 'line with spaces\n.dot\n'.repeat(3000);
  await run(['chroot', root, '/mdata-put', 'long'], { input: value });
  assert.equal((await guest('/mdata-get', 'long')).stdout, value);
});

test('the line is taken up again by the next service, and after the machine was off', async () => {
  const pid = await servicePid(node);
  assert.ok(pid);
  process.kill(pid, 'SIGKILL');
  await unplug();
  await plugIn();
  await serveMetadata(node, uuid);
  assert.equal((await guest('/mdata-get', 'color')).stdout, 'blue\n');
  await unplug();
  await plugIn();
  assert.equal((await guest('/mdata-get', 'color')).stdout, 'blue\n');
});

test('a system without any channel is told so at once', async () => {
  const bare = join(root, 'bare');
  await mkdir(bare);
  await copyFile(join(root, 'mdata-get'), join(bare, 'mdata-get'));
  const { exitCode, stderr } = await run(['chroot', bare, '/mdata-get', 'color'], { acceptExitCodes: [2] });
  assert.deepEqual([exitCode, stderr], [2, 'mdata-get: this system has no metadata service\n']);
});
