import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { keepBeating } from '../placement/heartbeats.ts';
import { ask, joinTestHead, startTestHead, sysinfoOf, type JoinedNode, type TestHead } from '../support/head.ts';

const PROGRAM = join(import.meta.dirname, '../../../bin/zonewright.ts');
let head: TestHead;
let node: JoinedNode;
let stopBeating: () => Promise<void>;

before(async () => {
  head = await startTestHead();
  node = await joinTestHead(head);
  await node.say('POST', `/servers/${node.uuid}/sysinfo`, { sysinfo: sysinfoOf(node.uuid) });
  await node.say('POST', `/servers/${node.uuid}/events/status`, { vms: {} });
  stopBeating = keepBeating(() => [node]);
});
after(async () => {
  await stopBeating?.();
  await node.close();
  await head.close();
});

async function zonewright(...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  return await new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, 'head', ...args, '--data', head.directory], (error, stdout, stderr) => resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr }));
  });
}

async function ok(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await zonewright(...args);
  assert.equal(status, 0, stderr);
  return stdout.trimEnd();
}

test('an operator adds a nic tag, networks and a pool, looks at them and removes them', async () => {
  assert.match(await ok('nic-tag', 'add', 'storage', '--mtu', '9000'), /^[0-9a-f-]{36}$/);
  const uuid = await ok('network', 'add', 'one', '10.5.0.0/24', '--nic-tag', 'storage', '--gateway', '10.5.0.1', '--resolvers', '10.5.0.3,9.9.9.9');
  await ok('network', 'add', 'two', '10.6.0.0/24', '--nic-tag', 'storage', '--vlan', '6', '--start', '10.6.0.9', '--end', '10.6.0.9');
  const rows = (await ok('network', 'list')).split('\n').map((line) => line.split(/ {2,}/));
  assert.deepEqual(rows[0], ['UUID', 'NAME', 'SUBNET', 'NIC TAG', 'VLAN', 'FIRST', 'LAST', 'GATEWAY']);
  assert.deepEqual(rows[1], [uuid, 'one', '10.5.0.0/24', 'storage', '0', '10.5.0.2', '10.5.0.254', '10.5.0.1']);
  const network = JSON.parse(await ok('network', 'get', 'one')) as { uuid: string; resolvers: string[]; mtu: number };
  assert.deepEqual([network.uuid, network.resolvers, network.mtu], [uuid, ['10.5.0.3', '9.9.9.9'], 9000]);
  assert.deepEqual((await ok('network', 'ips', 'one')).split('\n').slice(1).map((line) => line.split(/ {2,}/)[0]), ['10.5.0.1', '10.5.0.3']);
  await ok('network-pool', 'add', 'both', 'one', 'two');
  assert.match(await ok('network-pool', 'list'), /both {2}ipv4/);
  const refused = await zonewright('network', 'delete', 'one');
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /network one is in use by network pool/);
  await ok('network-pool', 'delete', 'both');
  await ok('network', 'delete', 'one');
  await ok('network', 'delete', 'two');
  await ok('nic-tag', 'delete', 'storage');
  assert.equal(await ok('network', 'list', '-j'), '[]');
});

test('an operator is shown where a VM would go, and why nowhere', async () => {
  assert.match(await ok('place', '--ram', '1024', '--quota', '5'), new RegExp(`hard-filter-min-ram: 1\n[^]*\n${node.uuid} \\(node-`));
  const nowhere = await zonewright('place', '--ram', '1000000');
  assert.equal(nowhere.status, 1);
  assert.match(nowhere.stdout, /hard-filter-min-ram: 0\n {4}\S+ {2}it has \d+ MiB of memory left, and 1000000 are needed/);
  assert.equal(((await ask(`${head.url}/capacity`, 'POST', { body: {} })).body as { capacities: Record<string, { ram: number }> }).capacities[node.uuid]?.ram, Math.floor(16384 * 0.85));
});

/** Wrong usage: the words, and what the message says. */
const WRONG: ReadonlyArray<readonly [status: number, message: RegExp, ...args: string[]]> = [
  [2, /there is no "lst"; there are list, get, add, ips, delete/, 'network', 'lst'],
  [2, /network add: too few arguments; usage: zonewright head network add <name> <subnet>/, 'network', 'add', 'x'],
  [2, /nic-tag delete: --mtu has no meaning here/, 'nic-tag', 'delete', 'x', '--mtu', '1500'],
  [1, /nic_tag: is required/, 'network', 'add', 'x', '10.5.0.0/24'],
  [1, /subnet: must be a subnet like 10.0.0.0\/24 or fd00::\/64, not 10.5.0.0/, 'network', 'add', 'x', '10.5.0.0', '--nic-tag', 'a'],
  [1, /network nothing was not found/, 'network', 'get', 'nothing'],
  [1, /vm.max_physical_memory \(or vm.ram\) is required/, 'place'],
];
for (const [status, message, ...args] of WRONG) {
  test(`${args.join(' ')} is refused`, async () => {
    const refused = await zonewright(...args);
    assert.equal(refused.status, status);
    assert.match(refused.stderr, message);
    assert.equal(refused.stdout, '');
  });
}
