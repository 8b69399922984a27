/** VLANs and aggregations for real, where the host's kernel has none: a machine's tap, and a node's own networks, in a guest whose kernel has. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { run } from '../../../host/run/run.ts';
import { runInOuterGuest } from '../../support/outer-guest.ts';
import { seedOf } from '../../support/seed-images.ts';

let directory: string;
let said: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'zw-vlan-'));
  const seed = join(directory, 'debian-vm.raw');
  await run(['zstd', '-dq', '--sparse', (await seedOf('debian-vm')).archive, '-o', seed]);
  const program = 'tree/test/vmadm/machines/fixtures/vlan-taps.ts';
  const networks = 'tree/test/node/network/fixtures/vlans-and-aggregations.ts';
  const root = join(import.meta.dirname, '../../..');
  const ours = (await readdir(join(root, 'node/network'))).map((name) => [`tree/node/network/${name}`, join(root, 'node/network', name)] as const);
  said = await runInOuterGuest(seed, directory, {
    files: { [program]: join(import.meta.dirname, 'fixtures/vlan-taps.ts'), [networks]: join(root, networks.slice('tree/'.length)), 'tree/node/setup/systemd.ts': join(root, 'node/setup/systemd.ts'), ...Object.fromEntries(ours) },
    command: ['node', '--import', `/${networks}`, `/${program}`],
    programs: ['ip', 'bridge', 'mknod', 'modprobe', 'sysctl'],
    modules: [
      ...['net/llc/llc', 'net/802/stp', 'net/bridge/bridge', 'drivers/net/veth', 'drivers/net/tap', 'drivers/net/macvlan', 'drivers/net/macvtap'],
      ...['net/802/garp', 'net/802/mrp', 'net/8021q/8021q', 'net/tls/tls', 'drivers/net/bonding/bonding'],
    ],
    seconds: 900,
  });
});

after(() => rm(directory, { recursive: true, force: true }));

test('where bridges tell VLANs apart a machine\'s nic is in its own, and is heard nowhere else', () => {
  const line = /^vlan taps: (\{.*\})\r?$/m.exec(said)?.[1];
  assert.ok(line, `the outer guest said nothing of taps, but:\n${said.slice(-4000)}`);
  assert.deepEqual(JSON.parse(line), { before: false, after: true, vlans: [{ vlan: 12, flags: ['PVID', 'Egress Untagged'] }], heard12: true, heard13: false });
});

test("a node's aggregation carries its nic tag, its address in a VLAN is on an interface there, and its bridges tell VLANs apart", () => {
  const line = /^networks: (\{.*\})\r?$/m.exec(said)?.[1];
  assert.ok(line, `the outer guest said nothing of networks, but:\n${said.slice(-4000)}`);
  const untagged = { vlan: 1, flags: ['PVID', 'Egress Untagged'] };
  assert.deepEqual(JSON.parse(line), {
    addresses: [{ tag: 'admin', interface: 'zwadmin', address: '10.88.0.5/24' }, { tag: 'external', interface: 'zwexternal.12', address: '10.90.0.5/24' }],
    problems: [],
    tags: { admin: { bridge: 'zwadmin', uplink: 'aggr0', declared: true }, external: { bridge: 'zwexternal', uplink: 'en2', declared: true } },
    filters: [true, true],
    uplink: [untagged, { vlan: 2, vlanEnd: 4094, flags: [] }],
    bridge: [untagged, { vlan: 12 }],
    mode: '802.3ad 4',
    members: 'en0 en1',
    macs: ['en0 01', 'en1 02', 'en2 03', 'aggr0 01', 'zwadmin 01', 'zwexternal 03', 'zwexternal.12 03'].map((text) => text.replace(' ', ' 52:54:00:88:00:')),
  });
});
