import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answers } from '../../../node/firstboot/answers.ts';
import { unattendedPlan } from '../../../node/firstboot/first-boot.ts';
import type { Machine } from '../../../node/firstboot/machine.ts';
import { missingFrom, planInstallation } from '../../../node/firstboot/plan.ts';
import { summaryOf } from '../../../node/firstboot/summary.ts';
import { disk } from '../disks/disks.ts';

const HASH = '$6$salt$0123456789abcdef';
const ETH0 = { name: 'eth0', mac: '52:54:00:00:00:01', carrier: false, driver: 'virtio_net' };
const ETH1 = { name: 'eth1', mac: '52:54:00:00:00:02', carrier: true, driver: 'virtio_net' };
const MACHINE: Machine = { disks: [disk('sda', 100), disk('sdb', 100)], interfaces: [ETH0, ETH1] };
const NODE: Answers = { role: 'standalone', admin_ip: 'dhcp', disks: 'all', root_password_hash: HASH };
const HEAD: Answers = { ...NODE, role: 'head', admin_nic: 'eth0', admin_ip: '10.88.0.2', admin_netmask: '255.255.255.0' };

test('answers become one plan', async () => {
  const plan = await planInstallation({ ...HEAD, hostname: 'head', admin_gateway: '10.88.0.1', nic_tags: { external: ETH1.mac }, dns_resolvers: ['10.88.0.1'] }, MACHINE);
  assert.deepEqual([plan.role, plan.pool.layout, plan.pool.disks.map(({ path }) => path), plan.pool.bootable], ['head', 'mirror', ['/dev/sda', '/dev/sdb'], false]);
  assert.equal(plan.networking.hostname, 'head');
  assert.deepEqual(plan.networking.nictags, [{ name: 'admin', mac: ETH0.mac }, { name: 'external', mac: ETH1.mac }]);
  assert.deepEqual(plan.networking.vnics, [{ mac: ETH0.mac, nic_tag: 'admin', ip: '10.88.0.2', netmask: '255.255.255.0', gateway: '10.88.0.1', vlan_id: 0, primary: true }]);
  assert.deepEqual(plan.head, { datacenter: 'datacenter', dhcpRange: { start: '10.88.0.128', end: '10.88.0.254' }, setupNodes: 'by_operator' });
  assert.deepEqual(plan.access, { passwordHash: HASH, authorizedKeys: [] });
});

test('without being named the interface with something at its other end is taken, and the machine is called by its MAC address', async () => {
  const { networking } = await planInstallation(NODE, MACHINE);
  assert.equal(networking.nictags[0]?.mac, ETH1.mac);
  assert.equal(networking.hostname, '52-54-00-00-00-02');
});

test('a prefix is as good as a netmask', async () => {
  const { admin_netmask: _, ...answers } = { ...HEAD, admin_ip: '10.88.0.2/25' };
  const { networking, head } = await planInstallation(answers, MACHINE);
  assert.equal(networking.vnics[0]?.netmask, '255.255.255.128');
  assert.deepEqual(head?.dhcpRange, { start: '10.88.0.64', end: '10.88.0.126' });
});

test('what is missing is known by its keys', () => {
  assert.deepEqual(missingFrom({}), ['role', 'admin_ip', 'disks', 'root_password, root_password_hash or root_authorized_keys']);
  assert.deepEqual(missingFrom({ ...NODE, admin_ip: '10.0.0.1' }), ['admin_netmask']);
  assert.deepEqual(missingFrom({ role: 'node', admin_ip: 'dhcp', disks: 'all' }), ['join']);
  assert.deepEqual(missingFrom(NODE), []);
});

/** What does not go together. */
const REFUSED: ReadonlyArray<readonly [what: string, answers: Answers, code: string, message: RegExp]> = [
  ['a head node by DHCP', { ...HEAD, admin_ip: 'dhcp', admin_netmask: undefined }, 'AnswersInvalid', /admin_ip = "dhcp"/],
  ['an interface that is not there', { ...NODE, admin_nic: 'eth9' }, 'NoNetworkInterface', /eth9/],
  ['a gateway elsewhere', { ...HEAD, admin_gateway: '10.99.0.1' }, 'NetworkingInvalid', /gateway 10\.99\.0\.1/],
  ['a netmask with DHCP', { ...NODE, admin_netmask: '255.255.255.0' }, 'NetworkingInvalid', /DHCP/],
  ['a netmask with holes', { ...HEAD, admin_netmask: '255.0.255.0' }, 'NetworkingInvalid', /255\.0\.255\.0/],
  ['a nic tag that is there already', { ...NODE, nic_tags: { admin: 'eth0' } }, 'NetworkingInvalid', /two nic tags "admin"/],
  ['too few disks for the layout', { ...NODE, layout: 'raidz1' }, 'AnswersInvalid', /layout = "raidz1": it takes 3 disks, and these are 2/],
  ['a disk that is not there', { ...NODE, disks: ['/dev/sdz'] }, 'DiskUnusable', /sdz/],
  ['a range outside of the network', { ...HEAD, dhcp_range: { start: '10.89.0.1', end: '10.89.0.9' } }, 'AnswersInvalid', /dhcp_range/],
  ['a range backwards', { ...HEAD, dhcp_range: { start: '10.88.0.9', end: '10.88.0.5' } }, 'AnswersInvalid', /dhcp_range/],
  ['a range with the head in it', { ...HEAD, dhcp_range: { start: '10.88.0.1', end: '10.88.0.9' } }, 'AnswersInvalid', /own address 10\.88\.0\.2/],
];

for (const [what, answers, code, message] of REFUSED) {
  test(`${what} is refused`, async () => assert.rejects(planInstallation(Object.fromEntries(Object.entries(answers).filter(([, value]) => value !== undefined)), MACHINE), { code, message }));
}

const FULL: Machine = { ...MACHINE, disks: [disk('sda', 100, { content: 'ext4 "data"' })] };

test('without a person empty disks are taken, and others only with confirm', async () => {
  assert.ok(await unattendedPlan({ answers: NODE, source: 'x' }, MACHINE));
  assert.equal(await unattendedPlan({ answers: NODE, source: 'x' }, FULL), undefined);
  const plan = await unattendedPlan({ answers: { ...NODE, confirm: true }, source: 'x' }, FULL);
  assert.deepEqual(plan?.erased.map(({ path }) => path), ['/dev/sda']);
});

test('what is missing is asked for, or with confirm an error that names it', async () => {
  const { admin_ip: _, ...answers } = NODE;
  assert.equal(await unattendedPlan({ answers, source: 'x' }, MACHINE), undefined);
  await assert.rejects(unattendedPlan({ answers: { ...answers, confirm: true }, source: 'answers.json on /dev/sr0' }, MACHINE), { code: 'AnswersIncomplete', message: /answers\.json on \/dev\/sr0 do not say admin_ip/ });
});

test('a password is hashed before it becomes part of a plan', async () => {
  const { root_password_hash: _, ...answers } = NODE;
  const plan = await unattendedPlan({ answers: { ...answers, root_password: 'correct horse' }, source: 'x' }, MACHINE);
  assert.match(plan?.access.passwordHash ?? '', /^\$6\$/);
  assert.doesNotMatch(JSON.stringify(plan), /correct horse/);
});

test('the summary says what will be lost, and no secret', async () => {
  const text = summaryOf(await planInstallation(HEAD, FULL)).join('\n');
  assert.match(text, /WILL BE LOST: ext4 "data" on \/dev\/sda/);
  assert.match(text, /get 10\.88\.0\.128 to 10\.88\.0\.254, and are set up when an operator says so/);
  assert.doesNotMatch(text, /0123456789abcdef/);
});
