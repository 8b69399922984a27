/** Addresses from a real DHCP server, for zones and machines alike. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../../../host/run/run.ts';
import { cli } from '../../support/cli.ts';
import { openConsole } from '../../support/guest-console.ts';
import { scratchNode, type ScratchNode } from '../../support/scratch-node.ts';
import { minimalImage, tinyMachineImage } from '../../support/seed-images.ts';

let node: ScratchNode;
let image: string;
let server: ChildProcess;
let said = '';
const uuids: string[] = [];

before(async () => {
  node = await scratchNode({ megabytes: 1024 });
  image = (await minimalImage(node)).lx;
  server = spawn('dnsmasq', [
    ...['--no-daemon', '--conf-file=/dev/null', '--user=root', '--port=0', '--interface=zwadmin', '--bind-interfaces', '--log-dhcp'],
    ...[`--dhcp-leasefile=${join(node.runDirectory, 'leases')}`, '--dhcp-range=10.77.0.200,10.77.0.220,255.255.255.0,2m'],
    ...['--dhcp-option=option:router,10.77.0.1', '--dhcp-option=option:dns-server,10.77.0.53', '--dhcp-option=option:domain-name,lease.example'],
    ...['--dhcp-host=02:08:20:00:00:91,10.77.0.211', '--dhcp-host=02:08:20:00:00:92,10.77.0.212', '--dhcp-host=02:08:20:00:00:93,10.77.0.213'],
  ]);
  for (const stream of [server.stdout, server.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => (said += text));
  await until(() => said.includes('DHCP, IP range'), () => said);
});

after(async () => {
  for (const uuid of uuids) await cli(node, 'vmadm', ['delete', uuid]);
  server.kill('SIGKILL');
  await once(server, 'exit');
  await node.remove();
});

async function create(payload: Record<string, unknown>): Promise<string> {
  const uuid = randomUUID();
  uuids.push(uuid);
  const { status, stderr } = await cli(node, 'vmadm', ['create'], { input: JSON.stringify({ uuid, ...payload }) });
  assert.equal(status, 0, stderr);
  return uuid;
}

async function zone(nic: Record<string, unknown>, more: Record<string, unknown> = {}): Promise<string> {
  return create({ brand: 'lx', kernel_version: '6.1.0', image_uuid: image, quota: 1, nics: [{ nic_tag: 'admin', ips: ['dhcp'], ...nic }], ...more });
}

async function until(holds: () => boolean | Promise<boolean>, what: () => string): Promise<void> {
  for (let tries = 0; tries < 900; tries++) {
    if (await holds()) return;
    await sleep(100);
  }
  assert.fail(what());
}

async function answers(address: string): Promise<boolean> {
  return (await run(['ping', '-c', '1', '-W', '1', address], { acceptExitCodes: [0, 1] })).exitCode === 0;
}

async function clients(): Promise<string[]> {
  return (await run(['ps', '-eo', 'pid,args'])).stdout.split('\n').filter((line) => /\b(udhcpc|lxc-attach)\b/.test(line));
}

test('a zone gets its address, route and resolvers from a lease, and again after it rebooted itself', async () => {
  const uuid = await zone({ mac: '02:08:20:00:00:91', primary: true }, { hostname: 'dhcp-zone' });
  await until(() => answers('10.77.0.211'), () => `no answer; the server says:\n${said}`);
  assert.match(said, /client provides name: dhcp-zone/);
  const route = await cli(node, 'zlogin', [uuid, 'ip route']);
  assert.match(route.stdout, /^default via 10\.77\.0\.1 dev eth0/m);
  assert.match(await readFile(join(node.mountpoint, uuid, 'root/etc/resolv.conf'), 'utf8'), /^search lease\.example\nnameserver 10\.77\.0\.53$/m);
  const acknowledged = said.split('DHCPACK').length;
  assert.equal((await cli(node, 'vmadm', ['reboot', uuid])).status, 0);
  await until(() => said.split('DHCPACK').length > acknowledged, () => `no new lease; the server says:\n${said}`);
  await until(() => answers('10.77.0.211'), () => `no answer after the reboot; the server says:\n${said}`);
});

test('resolvers of the payload come before those of a lease', async () => {
  const uuid = await zone({ mac: '02:08:20:00:00:92' }, { resolvers: ['10.77.0.99'] });
  await until(() => answers('10.77.0.212'), () => `no answer; the server says:\n${said}`);
  const text = await readFile(join(node.mountpoint, uuid, 'root/etc/resolv.conf'), 'utf8');
  assert.match(text, /^nameserver 10\.77\.0\.99$/m);
  assert.doesNotMatch(text, /10\.77\.0\.53/);
});

test('a zone that nobody offers an address boots, and stops without a trace of its client', async () => {
  const { stderr } = await run(['ip', 'link', 'add', 'zwlonely', 'type', 'bridge'], { acceptExitCodes: [0, 2] });
  assert.equal(stderr, '');
  await run(['ip', 'link', 'set', 'zwlonely', 'up']);
  assert.equal((await cli(node, 'nictagadm', ['add', '-b', 'zwlonely', 'lonely'])).status, 0);
  const before_ = await clients();
  const uuid = await zone({ nic_tag: 'lonely', mac: '02:08:20:00:00:94' });
  await until(async () => (await cli(node, 'zlogin', [uuid, 'ps'])).stdout.includes('udhcpc'), () => 'no client runs in the zone');
  assert.equal((await cli(node, 'vmadm', ['stop', '-F', uuid])).status, 0);
  assert.deepEqual(await clients(), before_);
  await cli(node, 'vmadm', ['delete', uuid]);
  await run(['ip', 'link', 'delete', 'zwlonely']);
});

test('a machine gets its address from a lease', async () => {
  const disks = [{ image_uuid: await tinyMachineImage(node), boot: true, model: 'virtio', refreservation: 0 }];
  const uuid = await create({ brand: 'kvm', ram: 128, quota: 1, disks, nics: [{ nic_tag: 'admin', model: 'virtio', ips: ['dhcp'], mac: '02:08:20:00:00:93', primary: true }] });
  const guest = await openConsole(node, uuid);
  await guest.says(/tiny-vm has 10\.77\.0\.213\/24/, 240);
  guest.close();
  assert.ok(await answers('10.77.0.213'));
});
