import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../../host/run/run.ts';
import { machineRuntime } from '../../vmadm/machines/runtime.ts';
import { cli } from '../support/cli.ts';
import { openConsole, type GuestConsole } from '../support/guest-console.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';
import { tinyMachineImage } from '../support/seed-images.ts';

/** One machine with a guest in it, without KVM; the tests are steps of its life. */
let node: ScratchNode;
let guest: GuestConsole;
const uuid = randomUUID();

before(async () => {
  node = await scratchNode();
  const payload = {
    uuid,
    brand: 'kvm',
    alias: 'guest',
    hostname: 'tiny-guest',
    ram: 128,
    vcpus: 1,
    quota: 1,
    customer_metadata: { color: 'blue' },
    disks: [{ image_uuid: await tinyMachineImage(node), boot: true, model: 'virtio' }],
    nics: [{ nic_tag: 'admin', model: 'virtio', ip: '10.77.0.71', netmask: '255.255.255.0', gateway: '10.77.0.1', mac: '02:08:20:00:00:71' }],
  };
  const { status, stderr } = await cli(node, 'vmadm', ['create'], { input: JSON.stringify(payload) });
  assert.equal(status, 0, stderr);
  guest = await openConsole(node, uuid);
  await guest.says(/tiny-vm is up/);
});

after(async () => {
  guest?.close();
  await cli(node, 'vmadm', ['delete', uuid]);
  await node.remove();
});

async function get(): Promise<Record<string, unknown>> {
  return JSON.parse((await cli(node, 'vmadm', ['get', uuid])).stdout) as Record<string, unknown>;
}

test('the guest learns its name and address from the metadata service, and the host reaches it', async () => {
  await answers('10.77.0.71');
  guest.type('hostname');
  await guest.says(/\ntiny-guest\r?\n/);
});

test('the guest reads and writes its metadata over its second serial port', async () => {
  guest.type('mdata-get sdc:alias; mdata-get color; mdata-put shape round; mdata-get nothing; echo status=$?');
  await guest.says(/guest\r?\nblue\r?\n/);
  await guest.says(/status=1/);
  assert.deepEqual((await get())['customer_metadata'], { color: 'blue', shape: 'round' });
});

test('a guest that reboots itself comes up again in the same process', async () => {
  const { pid } = await get();
  const before_ = guest.text().split('tiny-vm is up').length;
  guest.type('reboot -f');
  for (let tries = 0; tries < 3000 && guest.text().split('tiny-vm is up').length === before_; tries++) await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(guest.text().split('tiny-vm is up').length, before_ + 1);
  assert.equal((await get())['pid'], pid);
});

test('endless output on the console fills nothing but what the machine has for it', async () => {
  guest.type('i=0; while [ $i -lt 400 ]; do cat /proc/kallsyms | head -c 8192; i=$((i+1)); done; echo flood-$((40+2))');
  await guest.says(/flood-42/, 600);
  const log = join(machineRuntime(node, uuid).directory, 'log');
  const sizes = await Promise.all((await readdir(log)).map(async (name) => (await stat(join(log, name))).size));
  assert.ok(sizes.reduce((sum, size) => sum + size, 0) <= 1024 * 1024, String(sizes));
  assert.equal((await get())['state'], 'running');
});

test('console connects a terminal to the guest, and Ctrl-] leaves it', async () => {
  guest.close();
  const command = `${process.execPath} ${join(import.meta.dirname, '../../bin/vmadm.ts')} console ${uuid}`;
  const terminal = spawn('script', ['-qec', command, '/dev/null'], { env: { ...process.env, ZONEWRIGHT_NODE: node.configPath, TERM: 'dumb' }, stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  terminal.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const ended = once(terminal, 'exit');
  // What is typed before it is connected is lost, as at any terminal.
  for (let tries = 0; tries < 600 && !/said-42/.test(text); tries++) {
    terminal.stdin.write('echo said-$((40+2))\r');
    await sleep(200);
  }
  assert.match(text, /said-42/);
  terminal.stdin.write('\x1d');
  assert.deepEqual(await ended, [0, null]);
  guest = await openConsole(node, uuid);
});

test('a guest that powers itself off is stopped, and get has the last words of its console', async () => {
  guest.type('echo last-words; poweroff -f');
  for (let tries = 0; tries < 600 && (await get())['state'] !== 'stopped'; tries++);
  const vm = await get();
  assert.deepEqual([vm['state'], vm['exit_status']], ['stopped', 0]);
  assert.ok((vm['exit_console'] as string[]).some((line) => line.includes('last-words')), String(vm['exit_console']));
});

/** An address nobody has yet is reported unreachable, which ends a ping early; so it is asked again. */
async function answers(address: string): Promise<void> {
  for (let tries = 0; tries < 60; tries++) {
    if ((await run(['ping', '-c', '1', '-W', '1', address], { acceptExitCodes: [0, 1] })).exitCode === 0) return;
  }
  assert.fail(`${address} does not answer; the console says:\n${guest.text().slice(-2000)}`);
}
