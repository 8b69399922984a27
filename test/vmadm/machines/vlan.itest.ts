/** VLANs for real, where the host's kernel has none: a machine's tap in a guest whose kernel has. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
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
  said = await runInOuterGuest(seed, directory, {
    files: { [program]: join(import.meta.dirname, 'fixtures/vlan-taps.ts') },
    command: ['node', `/${program}`],
    programs: ['ip', 'bridge', 'mknod'],
    modules: ['net/llc/llc', 'net/802/stp', 'net/bridge/bridge', 'drivers/net/veth', 'drivers/net/tap', 'drivers/net/macvlan', 'drivers/net/macvtap'],
    seconds: 900,
  });
});

after(() => rm(directory, { recursive: true, force: true }));

test('where bridges tell VLANs apart a machine\'s nic is in its own, and is heard nowhere else', () => {
  const line = /^vlan taps: (\{.*\})\r?$/m.exec(said)?.[1];
  assert.ok(line, `the outer guest said nothing of taps, but:\n${said.slice(-4000)}`);
  assert.deepEqual(JSON.parse(line), { before: false, after: true, vlans: [{ vlan: 12, flags: ['PVID', 'Egress Untagged'] }], heard12: true, heard13: false });
});
