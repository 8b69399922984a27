import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setupParametersSchema } from '../../../agent/wire/enrol.ts';
import { parseNetworking } from '../../../host/net/networking.ts';
import { planForHead } from '../../../node/firstboot/fleet.ts';
import { disk } from '../disks/disks.ts';

const MAC = '52:54:00:00:00:01';
const HEAD = { heads: ['https://10.88.0.2:8443'], ca_sha256: 'ab'.repeat(32) };
const NETWORKING = parseNetworking({ hostname: '52-54-00-00-00-01', nictags: [{ name: 'admin', mac: MAC }], vnics: [{ mac: MAC, nic_tag: 'admin', ip: '10.88.0.10', netmask: '255.255.255.0', primary: true }] });
const HASH = '$6$salt$0123456789abcdef';

function plan(setup: object, disks = [disk('sda', 100), disk('sdb', 100)], unfinishedPools: readonly string[] = []) {
  return planForHead({ head: HEAD, setup: setupParametersSchema.parse(setup), networking: NETWORKING }, { disks, interfaces: [], unfinishedPools });
}

test('a head node says who the machine is, who may log in, and which disks it takes', async () => {
  const made = await plan({ hostname: 'rack1', disks: ['sdb'], root_shadow: HASH });
  assert.deepEqual([made.role, made.networking.hostname, made.pool.layout, made.pool.disks.map(({ path }) => path)], ['node', 'rack1', 'single', ['/dev/sdb']]);
  assert.deepEqual(made.access, { passwordHash: HASH, authorizedKeys: [] });
  assert.equal(made.networking.vnics[0]?.ip, '10.88.0.10');
});

test('when it says nothing all empty disks are taken', async () => {
  const made = await plan({});
  assert.deepEqual([made.pool.layout, made.pool.disks.length, made.networking.hostname], ['mirror', 2, '52-54-00-00-00-01']);
});

test('data is erased only on disks that the head node has named', async () => {
  const full = [disk('sda', 100, { content: 'ext4 "payroll"' }), disk('sdb', 100)];
  await assert.rejects(plan({}, full), { code: 'DisksNotEmpty', message: /ext4 "payroll" on \/dev\/sda/ });
  assert.deepEqual((await plan({ disks: ['/dev/sda'] }, full)).erased.map(({ path }) => path), ['/dev/sda']);
});

test('what its own interrupted set-up left does not stand in the way', async () => {
  const left = [disk('sda', 100, { content: 'pool "zones"' })];
  await assert.rejects(plan({}, left), { code: 'DisksNotEmpty' });
  assert.deepEqual((await plan({}, left, ['zones'])).erased.map(({ path }) => path), ['/dev/sda']);
});

test('a layout that the disks are too few for is refused', async () => {
  await assert.rejects(plan({ layout: 'raidz1' }), { code: 'TooFewDisks', message: /raidz1 takes at least 3 disks, and these are 2/ });
});
