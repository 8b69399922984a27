/** A machine's interfaces are veths here; their other ends are on a switch in a network namespace of its own. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { filtersVlans, hostAddresses, isBridge } from '../../../host/net/bridge.ts';
import { listLinks } from '../../../host/net/links.ts';
import { addNicTag, readNicTags, removeNicTag } from '../../../host/net/nic-tags.ts';
import { parseNetworking, type NetworkingInput } from '../../../host/net/networking.ts';
import { run } from '../../../host/run/run.ts';
import { applyNetworking } from '../../../node/network/apply-networking.ts';
import { bringUpNetwork } from '../../../node/network/bring-up.ts';
import { defaultNetworking, keepNetworking, networkingForBoot } from '../../../node/network/networking-for-boot.ts';
import type { Setup } from '../../../node/setup/step.ts';
import { networkStep } from '../../../node/setup/steps/network.ts';
import { scratchNode, type ScratchNode } from '../../support/scratch-node.ts';

const MACS = ['52:54:00:88:00:01', '52:54:00:88:00:02', '52:54:00:88:00:03'] as const;
const OUTER = 'zwouter';
const sandbox = process.env['ZONEWRIGHT_SANDBOX'] ?? '';
const options = { runDirectory: join(sandbox, 'net-run'), interfaceSeconds: 0, leaseSeconds: 60 };
let node: ScratchNode;

before(async () => {
  node = await scratchNode({ megabytes: 256 });
  // Another node of this sandbox gave it an address.
  await run(['ip', 'link', 'delete', 'zwadmin'], { acceptExitCodes: [0, 1] });
  await run(['ip', 'netns', 'add', OUTER]);
  await outer('ip', 'link', 'set', 'lo', 'up');
  await outer('ip', 'link', 'add', 'switch', 'type', 'bridge');
  await outer('ip', 'address', 'add', '10.88.0.1/24', 'dev', 'switch');
  await outer('ip', 'link', 'set', 'switch', 'up');
  for (const [index, mac] of MACS.entries()) {
    await run(['ip', 'link', 'add', `en${index}`, 'address', mac, 'type', 'veth', 'peer', 'name', `sw${index}`, 'netns', OUTER]);
    await outer('ip', 'link', 'set', `sw${index}`, 'master', 'switch', 'up');
  }
});

after(async () => {
  await run(['ip', 'netns', 'delete', OUTER]);
  await node.remove();
});

afterEach(async () => {
  await applyNetworking(parseNetworking({ nictags: [], vnics: [] }), options);
  for (const { name, kind } of await listLinks()) if (kind !== 'veth' && kind !== undefined) await run(['ip', 'link', 'delete', name], { acceptExitCodes: [0, 1] });
});

async function outer(...argv: [string, ...string[]]): Promise<void> {
  await run(['ip', 'netns', 'exec', OUTER, ...argv]);
}

async function addressesOf(link: string): Promise<string[]> {
  return (await hostAddresses()).filter((one) => one.interface === link && !one.address.startsWith('fe80:')).map(({ address, prefix }) => `${address}/${prefix}`).sort();
}

async function routes(): Promise<string[]> {
  const { stdout } = await run(['ip', '-j', 'route', 'show']);
  return (JSON.parse(stdout) as Array<{ dst: string; gateway?: string }>).flatMap(({ dst, gateway }) => (gateway === undefined ? [] : [`${dst} ${gateway}`])).sort();
}

async function canReach(address: string): Promise<boolean> {
  for (let tries = 0; tries < 60; tries++) if ((await run(['ping', '-c', '1', '-W', '1', '--', address], { acceptExitCodes: [0, 1, 2] })).exitCode === 0) return true;
  return false;
}

const ADMIN_NIC = { mac: MACS[0], nic_tag: 'admin', ip: '10.88.0.5', netmask: '255.255.255.0', gateway: '10.88.0.1', primary: true } as const;
const STATIC = {
  nictags: [{ name: 'admin', mac: MACS[0] }, { name: 'external', mac: MACS[1] }, { name: 'storage', mac: MACS[1], mtu: 1400 }],
  vnics: [ADMIN_NIC, { mac: '52:54:00:88:01:02', nic_tag: 'external', ip: '10.89.0.5', netmask: '255.255.255.0' }],
  routes: { '10.99.0.0/16': '10.88.0.9' },
  resolvers: ['10.88.0.2'],
  dns_domain: 'example.com',
  ntp_hosts: ['10.88.0.1', 'time.example.com'],
  hostname: 'n1',
} as const satisfies NetworkingInput;

test('a machine comes up with the addresses, routes and names of its document, and again without a change', async () => {
  // What iPXE and the kernel may have left.
  await run(['ip', 'address', 'add', '10.88.0.77/24', 'dev', 'en0']);
  await run(['ip', 'link', 'set', 'en0', 'up']);
  await run(['ip', 'route', 'add', 'default', 'via', '10.88.0.254']);
  const first = await applyNetworking(parseNetworking(STATIC), options);
  assert.deepEqual(first.problems, []);
  assert.deepEqual(first.tags, {
    admin: { bridge: 'zwadmin', uplink: 'en0', declared: true },
    external: { bridge: 'zwexternal', uplink: 'en1', declared: true },
    storage: { bridge: 'zwexternal', uplink: 'en1', declared: true },
  });
  assert.deepEqual(first.addresses, [
    { tag: 'admin', interface: 'zwadmin', address: '10.88.0.5/24' },
    { tag: 'external', interface: 'zwexternal', address: '10.89.0.5/24' },
  ]);
  assert.deepEqual([await addressesOf('en0'), await addressesOf('zwadmin')], [[], ['10.88.0.5/24']]);
  assert.deepEqual(await routes(), ['10.99.0.0/16 10.88.0.9', 'default 10.88.0.1']);
  const links = await listLinks();
  const link = (name: string) => links.find((one) => one.name === name);
  assert.deepEqual([link('zwadmin')?.mac, link('zwexternal')?.mac], [MACS[0], '52:54:00:88:01:02']);
  assert.equal((await readFile('/sys/class/net/en1/mtu', 'utf8')).trim(), '1400');
  assert.equal((await readFile('/proc/sys/kernel/hostname', 'utf8')).trim(), 'n1');
  assert.equal(await readFile('/etc/resolv.conf', 'utf8'), 'search example.com\nnameserver 10.88.0.2\n');
  assert.equal(await readFile('/run/chrony-dhcp/zonewright.sources', 'utf8'), 'server 10.88.0.1 iburst\nserver time.example.com iburst\n');
  assert.ok(await canReach('10.88.0.1'));
  assert.deepEqual(await applyNetworking(parseNetworking(STATIC), options), first);
  assert.deepEqual((await listLinks()).map(({ name }) => name), links.map(({ name }) => name));
});

test('with another document the addresses are exactly those of it', async () => {
  await applyNetworking(parseNetworking(STATIC), options);
  const moved = parseNetworking({ nictags: STATIC.nictags, vnics: [{ ...ADMIN_NIC, ip: '10.88.0.6' }, { ...ADMIN_NIC, ip: '10.88.0.7', primary: false }] });
  await applyNetworking(moved, options);
  assert.deepEqual(await addressesOf('zwadmin'), ['10.88.0.6/24', '10.88.0.7/24']);
});

const IN_VLAN = { nictags: STATIC.nictags, vnics: [ADMIN_NIC, { mac: '52:54:00:88:01:02', nic_tag: 'external', ip: '10.90.0.5', netmask: '255.255.255.0', vlan_id: 12 }] } as const;

test('an address in a VLAN is on an interface of its own, or is said to be impossible', async () => {
  const kernelHasVlans = (await run(['ip', 'link', 'add', 'link', 'en2', 'name', 'zwprobe', 'type', 'vlan', 'id', '12'], { acceptExitCodes: [0, 1, 2] })).exitCode === 0;
  if (kernelHasVlans) await run(['ip', 'link', 'delete', 'zwprobe']);
  const { addresses, problems } = await applyNetworking(parseNetworking(IN_VLAN), options);
  assert.deepEqual(addresses.filter(({ tag }) => tag === 'external'), kernelHasVlans ? [{ tag: 'external', interface: 'zwexternal.12', address: '10.90.0.5/24' }] : []);
  if (kernelHasVlans) assert.deepEqual(problems, []);
  else assert.match(problems.join(), /^VLAN 12 of nic tag external: /);
  assert.deepEqual(await addressesOf('zwadmin'), ['10.88.0.5/24']);
});

test('an interface that is not there is named, and everything else comes up', async () => {
  const document = parseNetworking({ ...STATIC, nictags: [STATIC.nictags[0], { name: 'external', mac: '52:54:00:99:99:99' }], vnics: [ADMIN_NIC] });
  const { problems, tags } = await applyNetworking(document, options);
  assert.deepEqual(problems, ['no interface of this machine has the MAC address 52:54:00:99:99:99']);
  assert.deepEqual(tags['external'], { bridge: 'zwexternal', declared: true });
  assert.ok(isBridge('zwexternal'));
  assert.deepEqual(await addressesOf('zwadmin'), ['10.88.0.5/24']);
});

test('addresses that are leased are renewed by a client, which ends when the document has them no more', async () => {
  const server = await dhcpServer();
  const dynamic = parseNetworking({ nictags: [{ name: 'admin', mac: MACS[0] }], vnics: [{ mac: MACS[0], nic_tag: 'admin', ip: 'dhcp' }] });
  try {
    const { addresses, problems } = await applyNetworking(dynamic, options);
    assert.deepEqual(problems, []);
    assert.deepEqual(addresses, [{ tag: 'admin', interface: 'zwadmin', address: '10.88.0.201/24' }]);
    assert.deepEqual(await routes(), ['default 10.88.0.1']);
    assert.equal(await readFile('/etc/resolv.conf', 'utf8'), 'nameserver 10.88.0.53\n');
    const clients = await dhcpClients();
    assert.equal(clients.length, 1);
    await applyNetworking(dynamic, options);
    assert.deepEqual(await dhcpClients(), clients);
    await applyNetworking(parseNetworking({ ...STATIC, vnics: [{ ...ADMIN_NIC, ip: '10.88.0.201' }], routes: {} }), options);
    assert.deepEqual([await dhcpClients(), await addressesOf('zwadmin')], [[], ['10.88.0.201/24']]);
  } finally {
    server.kill('SIGKILL');
    await once(server, 'exit');
  }
});

test('no DHCP server is a problem that is said, and the client goes on asking', async () => {
  const document = parseNetworking({ nictags: [{ name: 'admin', mac: MACS[0] }], vnics: [{ mac: MACS[0], nic_tag: 'admin', ip: 'dhcp' }] });
  const { problems } = await applyNetworking(document, { ...options, leaseSeconds: 0 });
  assert.deepEqual(problems, ['no DHCP server has given zwadmin (nic tag admin) an address yet; it goes on asking']);
  assert.equal((await dhcpClients()).length, 1);
});

test('an aggregation of two interfaces carries a nic tag', async (t) => {
  if ((await run(['ip', 'link', 'add', 'zwprobe', 'type', 'bond'], { acceptExitCodes: [0, 1, 2] })).exitCode !== 0) return t.skip('this kernel has no bonds');
  await run(['ip', 'link', 'delete', 'zwprobe']);
  const document = parseNetworking({
    nictags: [{ name: 'admin' }],
    vnics: [{ ...ADMIN_NIC, mac: MACS[1] }],
    aggregations: [{ name: 'aggr0', lacp_mode: 'active', macs: [MACS[1], MACS[2]], nic_tags_provided: ['admin'] }],
  });
  const first = await applyNetworking(document, options);
  assert.deepEqual([first.problems, first.tags], [[], { admin: { bridge: 'zwadmin', uplink: 'aggr0', declared: true } }]);
  assert.match(await readFile('/sys/class/net/aggr0/bonding/mode', 'utf8'), /802\.3ad/);
  assert.equal((await readFile('/sys/class/net/aggr0/bonding/slaves', 'utf8')).trim(), 'en1 en2');
  assert.deepEqual(await applyNetworking(document, options), first);
});

test('a machine that nobody told anything asks by its first interface with a carrier', async () => {
  await outer('ip', 'link', 'set', 'sw0', 'down');
  try {
    assert.deepEqual((await defaultNetworking())?.vnics, [{ mac: MACS[1], nic_tag: 'admin', ip: 'dhcp', vlan_id: 0, primary: true }]);
  } finally {
    await outer('ip', 'link', 'set', 'sw0', 'up');
  }
});

test("a boot module's document is used and kept; a later boot without one uses what was kept, and a broken one does not count", async () => {
  const modules = join(sandbox, 'modules');
  await mkdir(modules);
  await writeFile(join(modules, 'networking.json'), JSON.stringify(STATIC));
  await addNicTag(node, 'byhand');
  const up = await bringUpNetwork({ node, bootModules: modules }, options);
  assert.deepEqual([up.from, up.problems, up.addresses.map(({ address }) => address)], ['boot module', [], ['10.88.0.5/24', '10.89.0.5/24']]);
  assert.deepEqual((await readNicTags(node))['external'], { bridge: 'zwexternal', uplink: 'en1', declared: true });
  assert.deepEqual((await networkingForBoot({ node, bootModules: '/nowhere' })).document, parseNetworking(STATIC));
  await writeFile(join(modules, 'networking.json'), '{"nictags": [], "vnics": [], "hostname": "a b"}');
  const fallback = await networkingForBoot({ node, bootModules: modules });
  assert.equal(fallback.from, 'pool');
  assert.match(fallback.problems.join(), /boot module: .*hostname: must be a DNS name/);
  await keepNetworking(node, parseNetworking({ nictags: [STATIC.nictags[0]], vnics: [ADMIN_NIC] }));
  await bringUpNetwork({ node, bootModules: '/nowhere' }, options);
  const tags = await readNicTags(node);
  assert.deepEqual(Object.keys(tags).sort(), ['admin', 'byhand'], 'a tag that was declared is gone with its declaration');
  await removeNicTag(node, 'byhand');
});

test("setup takes over the document's networks, and leaves no bridge besides", async () => {
  const { pool, mountpoint, runDirectory, cgroup } = node;
  const options = { pool, mountpoint, runDirectory, cgroup, networking: parseNetworking(STATIC) } as unknown as Setup['options'];
  const setup: Setup = { options, last: node, configPath: node.configPath, serverUuid: node.serverUuid };
  assert.equal((await networkStep.inspect(setup)).ready, false);
  assert.match(await networkStep.perform(setup), /^admin on zwadmin, external on zwexternal, storage on zwexternal$/);
  assert.deepEqual((await listLinks()).filter(({ kind }) => kind === 'bridge').map(({ name }) => name).sort(), ['zwadmin', 'zwexternal']);
  const later = { ...setup, options: { ...options, networking: undefined } };
  assert.deepEqual(await networkStep.inspect(later), { ready: true, fact: 'admin on zwadmin, external on zwexternal, storage on zwexternal' });
  assert.deepEqual((await networkingForBoot({ node, bootModules: '/nowhere' })).document, parseNetworking(STATIC));
});

test('kernel parameters name the admin interface when nothing else does', async () => {
  const { document, from } = await networkingForBoot({ bootModules: '/nowhere', parameters: { admin_nic: MACS[0], admin_ip: '10.88.0.8', admin_netmask: '255.255.255.0', hostname: 'n2' } });
  assert.deepEqual([from, document?.hostname, document?.vnics[0]?.ip], ['kernel parameters', 'n2', '10.88.0.8']);
  const bad = await networkingForBoot({ bootModules: '/nowhere', parameters: { admin_nic: 'eth0' } });
  assert.equal(bad.document, undefined);
  assert.match(bad.problems.join(), /kernel parameters: .*MAC address/);
});

test('a bridge keeps VLANs apart where the kernel can', async () => {
  await applyNetworking(parseNetworking(STATIC), options);
  const { exitCode } = await run(['ip', 'link', 'add', 'zwvlans', 'type', 'bridge', 'vlan_filtering', '1'], { acceptExitCodes: [0, 1, 2] });
  assert.equal(filtersVlans('zwexternal'), exitCode === 0 && filtersVlans('zwvlans'));
});

async function dhcpClients(): Promise<string[]> {
  return (await run(['ps', '-eo', 'pid,args'])).stdout.split('\n').filter((line) => line.includes('udhcpc'));
}

async function dhcpServer(): Promise<ChildProcess> {
  const server = spawn('ip', [
    ...['netns', 'exec', OUTER, 'dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--user=root', '--port=0', '--interface=switch', '--bind-interfaces', '--log-dhcp'],
    ...[`--dhcp-leasefile=${join(sandbox, 'leases')}`, '--dhcp-range=10.88.0.200,10.88.0.220,255.255.255.0,2m', `--dhcp-host=${MACS[0]},10.88.0.201`],
    ...['--dhcp-option=option:router,10.88.0.1', '--dhcp-option=option:dns-server,10.88.0.53'],
  ]);
  let said = '';
  const listens = Promise.withResolvers<void>();
  for (const stream of [server.stdout, server.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text).includes('DHCP, IP range') && listens.resolve());
  server.once('exit', () => listens.reject(new Error(said)));
  await listens.promise;
  return server;
}
