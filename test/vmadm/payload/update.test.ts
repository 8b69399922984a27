/** Updates, case by case of `vmadm.jsonl` where the name begins with an id. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Payload } from '../../../vmadm/engine.ts';
import { applyUpdate, toVmObject, type UpdatedVm, type VmRecord } from '../../../vmadm/payload/index.ts';
import { nextPrimary } from '../../../vmadm/payload/update-nics.ts';
import { countingIds, FACTS, IMAGES, LIVE } from '../../support/payload-facts.ts';
import { BHYVE, MACHINE, recordOf, ZONE } from './prepare.ts';

const MAC = '01:02:03:04:05:06';
const STOPPED = { state: 'stopped', zone_state: 'installed' };
const RUNNING = { state: 'running', zone_state: 'running' };
const STATIC = { nic_tag: 'admin', ip: '10.0.0.2', netmask: '255.255.255.0', mac: MAC };

function update(record: VmRecord, payload: Payload, more: { live?: typeof STOPPED; others?: readonly VmRecord[] } = {}): Promise<UpdatedVm> {
  let count = 50;
  const newIds = { ...countingIds(), mac: () => `02:00:00:00:00:${++count}` };
  return applyUpdate(record, payload, { facts: FACTS, others: more.others ?? [], live: more.live ?? STOPPED, newIds });
}

async function updated(base: Payload, first: Payload, ...payloads: readonly Payload[]): Promise<VmRecord> {
  let record = await recordOf(base, first);
  for (const payload of payloads) record = (await update(record, payload)).record;
  return record;
}

async function refusal(base: Payload, first: Payload, payload: Payload, live = STOPPED): Promise<string> {
  const record = await recordOf(base, first);
  try {
    await update(record, payload, { live });
  } catch (error) {
    if (error instanceof Error && error.name === 'ZonewrightError') return error.message;
    throw error;
  }
  return 'accepted';
}

for (const [name, value] of Object.entries({ brand: 'bogus-brand', hvm: 'bogus-hvm', server_uuid: '0000', uuid: '0000', zonename: 'bogus', last_modified: 'x' })) {
  test(`U32–U37: ${name} is left as it is, without an error`, async () => {
    const record = await recordOf(ZONE);
    const { record: after, changes } = await update(record, { [name]: value });
    assert.deepEqual([after, changes], [record, []]);
  });
}

for (const [name, value] of [['alias', 'useless VM'], ['hostname', 'hamburgerhelper'], ['package_name', 'really expensive package']] as const) {
  test(`U11–U15: ${name} is set and taken away`, async () => {
    assert.equal((await updated(ZONE, {}, { [name]: value }))[name], value);
    assert.equal(name in (await updated(ZONE, {}, { [name]: value }, { [name]: '' })), false);
  });
}

test('U17, C38: quota changes', async () => {
  assert.equal((await updated(ZONE, { quota: 0 }, { quota: 13 })).quota, 13);
  assert.equal((await updated(ZONE, { quota: 13 }, { quota: 0 })).quota, 0);
});

test('U19–U23: ram of a zone moves all its limits', async () => {
  const memory = ({ max_physical_memory, max_locked_memory, max_swap, tmpfs }: VmRecord) => [max_physical_memory, max_locked_memory, max_swap, tmpfs];
  assert.deepEqual(memory(await updated(ZONE, {}, { ram: 512 })), [512, 512, 512, 512]);
  assert.deepEqual(memory(await updated(ZONE, {}, { ram: 512 }, { ram: 128 })), [128, 128, 256, 128]);
  assert.deepEqual(memory(await updated(ZONE, {}, { ram: 128 }, { ram: 1024 })), [1024, 1024, 1024, 1024]);
});

test('U24–U27: swap and locked memory stay within their bounds', async () => {
  const base = { ram: 1024 };
  assert.equal((await updated(ZONE, base, { max_swap: 1536 })).max_swap, 1536);
  assert.equal((await updated(ZONE, base, { max_swap: 512 })).max_swap, 1024);
  assert.equal((await updated(ZONE, base, { max_locked_memory: 4096 })).max_locked_memory, 1024);
});

test('U38: steps of setting and clearing end at the defaults', async () => {
  const record = await updated(ZONE, {}, { cpu_shares: 5, max_lwps: 5000, zfs_io_priority: 50, limit_priv: 'default,dtrace_user' }, { cpu_shares: null, max_lwps: null, zfs_io_priority: null, limit_priv: '' });
  assert.deepEqual([record.cpu_shares, record.max_lwps, record.zfs_io_priority, record.limit_priv], [100, 2000, 100, 'default']);
});

test('C49, C62: fs_allowed and the limits of ZFS are taken away by nothing', async () => {
  for (const nothing of ['', []]) assert.equal('fs_allowed' in (await updated(ZONE, { fs_allowed: 'ufs,pcfs' }, { fs_allowed: nothing })), false);
  assert.equal((await updated(ZONE, {}, { fs_allowed: ['ufs', 'pcfs'] })).fs_allowed, 'ufs,pcfs');
  for (const nothing of ['', null]) assert.equal('zfs_filesystem_limit' in (await updated(ZONE, { zfs_filesystem_limit: 10 }, { zfs_filesystem_limit: nothing })), false);
});

test('C59: a record size is a power of two in bounds', async () => {
  for (const size of [256, 132096, 31337]) assert.match(await refusal(ZONE, {}, { zfs_data_recsize: size }), /^invalid zfs_data_recsize/);
  for (const size of [512, 131072, 32768]) assert.equal((await updated(ZONE, {}, { zfs_data_recsize: size })).zfs_data_recsize, size);
});

test('U39: file systems are added, changed and removed by their target', async () => {
  const target = '/var/tmp/global';
  const added = { add_filesystems: [{ type: 'lofs', source: '/tmp', target, options: ['nodevice'] }] };
  assert.deepEqual((await updated(ZONE, {}, added)).filesystems, [{ type: 'lofs', source: '/tmp', target, options: ['nodevice'] }]);
  const changed = await updated(ZONE, {}, added, { update_filesystems: [{ target, options: ['nodevice', 'ro'] }] });
  assert.deepEqual(changed.filesystems?.[0], { type: 'lofs', source: '/tmp', target, options: ['nodevice', 'ro'] });
  assert.deepEqual((await updated(ZONE, {}, added, { remove_filesystems: [target] })).filesystems, []);
  assert.equal(await refusal(ZONE, {}, { remove_filesystems: ['/x'] }), 'missing requested filesystem: /x');
});

test('metadata, tags and routes change key by key', async () => {
  const record = await updated(ZONE, { tags: { a: '1', b: '2' } }, { set_tags: { b: '3', c: true }, remove_tags: ['a'], set_customer_metadata: { k: 'v' } });
  assert.deepEqual([record.tags, record.customer_metadata], [{ b: '3', c: true }, { k: 'v' }]);
});

test('whole collections are dropped with a warning', async () => {
  const { record, warnings } = await update(await recordOf(ZONE, { tags: { a: 1 } }), { tags: {}, nics: [] });
  assert.deepEqual([record.tags, warnings.length], [{ a: 1 }, 2]);
});

test('an update says what takes effect when', async () => {
  const { changes } = await update(await recordOf(ZONE), { quota: 20, hostname: 'web', ram: 512, add_nics: [{ nic_tag: 'admin' }] });
  const applies = Object.fromEntries(changes.map(({ property, applies: when }) => [property, when]));
  assert.deepEqual([applies['quota'], applies['hostname'], applies['nics'], applies['max_physical_memory'], applies['tmpfs']], ['live', 'reboot', 'reboot', 'live', 'reboot']);
});

// Nics.

test('U08: nics are added without addresses, and one of them is primary', async () => {
  const { nics } = await updated(ZONE, {}, { add_nics: [{ mac: MAC, nic_tag: 'admin', primary: true }, { mac: '01:02:03:04:05:07', nic_tag: 'admin' }] });
  assert.deepEqual(nics.map(({ primary, ips }) => [primary, ips]), [[true, undefined], [undefined, undefined]]);
});

test('an added nic is not primary by itself', async () => {
  assert.equal((await updated(ZONE, {}, { add_nics: [{ nic_tag: 'admin' }] })).nics[0]?.primary, undefined);
});

test('U03, U05: a nic with a bad address is refused; nics are removed by MAC address', async () => {
  assert.match(await refusal(ZONE, {}, { add_nics: [{ ip: '10.99.99.12,10.99.99.33', netmask: '255.255.255.0', nic_tag: 'external' }] }), /^Invalid IP for NIC: /);
  assert.deepEqual((await updated(ZONE, { nics: [STATIC] }, { remove_nics: [MAC] })).nics, []);
});

test('U06: after the primary nic is removed the first one with a public address takes over', async () => {
  const nics = [
    { nic_tag: 'admin', ip: '10.0.0.2', netmask: '255.255.255.0' },
    { nic_tag: 'external', ip: '8.8.1.2', netmask: '255.255.255.0', mac: MAC, primary: true },
    { nic_tag: 'external', ip: '8.8.1.3', netmask: '255.255.255.0' },
  ];
  const record = await updated(ZONE, { nics }, { remove_nics: [MAC] });
  assert.deepEqual(record.nics.map(({ interface: name, primary }) => [name, primary]), [['net0', undefined], ['net2', true]]);
});

test('a nic without an address never takes over', () => {
  const nic = { interface: 'net0', mac: MAC, nic_tag: 'admin' };
  assert.equal(nextPrimary([nic]), undefined);
  assert.equal(nextPrimary([nic, { ...nic, ips: ['10.0.0.1/8'] }, { ...nic, ips: ['dhcp'] }])?.ips?.[0], 'dhcp');
});

test('U42, U43, U50: what a nic needs cannot be taken away', async () => {
  assert.match(await refusal(ZONE, { nics: [STATIC] }, { update_nics: [{ mac: MAC, netmask: '' }] }), /^Missing \.netmask option for NIC: /);
  assert.match(await refusal(MACHINE, { nics: [STATIC] }, { update_nics: [{ mac: MAC, model: '' }] }), /^missing \.model option for NIC: /);
  assert.equal(await refusal(ZONE, { nics: [STATIC] }, { update_nics: [{ mac: MAC, nic_tag: 'new_tag1' }] }), 'Invalid nic tag "new_tag1"');
  assert.match(await refusal(ZONE, { nics: [STATIC] }, { update_nics: [{ mac: MAC, nic_tag: 'a/1' }] }), /^invalid \.nic_tag option for NIC: /);
});

test('U44, U45: the primary flag can only be set', async () => {
  assert.equal(await refusal(ZONE, { nics: [STATIC] }, { update_nics: [{ mac: MAC, primary: false }] }), "invalid value for NIC's primary flag: false (must be true)");
  assert.equal(await refusal(ZONE, { nics: [STATIC] }, { update_nics: [{ mac: MAC, primary: 'blah' }] }), "invalid value for NIC's primary flag: blah (must be true)");
});

test('U46: a new primary nic takes the flag from the old one', async () => {
  const { nics } = await updated(ZONE, { nics: [STATIC] }, { add_nics: [{ primary: true, nic_tag: 'admin', ip: 'dhcp' }] });
  assert.deepEqual(nics.map((nic) => [nic.interface, nic.primary]), [['net0', undefined], ['net1', true]]);
});

test('U53: a new nic of a machine has the model of the first one', async () => {
  const { nics } = await updated({ brand: 'kvm' }, { nics: [{ ...STATIC, model: 'e1000' }] }, { add_nics: [{ nic_tag: 'external', ip: 'dhcp' }] });
  assert.equal(nics[1]?.model, 'e1000');
});

test('an update of a nic keeps what it does not name, and the place and name of the nic', async () => {
  const before = { ...STATIC, vlan_id: 5, gateway: '10.0.0.1', allowed_ips: ['10.0.0.9'], mtu: 1400 };
  const { nics } = await updated(ZONE, { nics: [before, { nic_tag: 'admin' }] }, { update_nics: [{ mac: MAC.toUpperCase(), mtu: '', ip: '10.0.0.3', nic_tag: 'external' }] });
  assert.deepEqual(nics[0], { interface: 'net0', mac: MAC, nic_tag: 'external', vlan_id: 5, ips: ['10.0.0.3/24'], gateways: ['10.0.0.1'], allowed_ips: ['10.0.0.9'], primary: true });
});

test('addresses of a nic change in the old form only when it has one', async () => {
  assert.equal(await refusal(ZONE, { nics: [{ nic_tag: 'admin', mac: MAC, ips: ['10.0.0.2/24', '10.0.0.3/24'] }] }, { update_nics: [{ mac: MAC, ip: '10.0.0.9' }] }), 'Need a single existing IPv4 address to update .ip or .netmask');
  assert.equal(await refusal(ZONE, { nics: [{ nic_tag: 'admin', mac: MAC, ip: 'dhcp' }] }, { update_nics: [{ mac: MAC, ip: '10.0.0.9' }] }), 'Updating IP address of NIC, but there is currently no specified netmask');
  assert.deepEqual((await updated(ZONE, { nics: [STATIC] }, { update_nics: [{ mac: MAC, ips: [] }] })).nics[0]?.ips, undefined);
  assert.deepEqual((await updated(ZONE, { nics: [STATIC] }, { update_nics: [{ mac: MAC, ip: 'dhcp' }] })).nics[0]?.ips, ['dhcp']);
});

test('a nic to update is known by its MAC address', async () => {
  assert.equal(await refusal(ZONE, { nics: [STATIC] }, { update_nics: [{ interface: 'net0', ip: 'dhcp' }] }), 'NIC object needs a .mac property to update');
  assert.equal(await refusal(ZONE, { nics: [STATIC] }, { update_nics: [{ mac: '02:00:00:00:00:01', ip: 'dhcp' }] }), 'There is no existing NIC with that mac address');
});

test('N03, N04, N06: client ids are counted and checked', async () => {
  const cids = (allowed_dhcp_cids: readonly string[]) => refusal(ZONE, { nics: [STATIC] }, { update_nics: [{ mac: MAC, allowed_dhcp_cids }] });
  assert.equal(await cids(Array.from({ length: 33 }, () => '0xabcd')), 'nics.*.allowed_dhcp_cids contains 33 Client Identifiers, but is limited to 20');
  assert.equal(await cids(Array.from({ length: 20 }, () => `0x${'a'.repeat(60)}`)), 'nics.*.allowed_dhcp_cids contains too many long Client Identifiers');
  assert.equal(await cids(['0xqz']), 'Invalid value(s) for: nics.*.allowed_dhcp_cids');
});

test('N12, N17: a router id moves the MAC address, and cannot be all that is left', async () => {
  const nics = [
    { nic_tag: 'admin', vrrp_vrid: 1, ip: '172.18.1.101', netmask: '255.255.255.0', vrrp_primary_ip: '172.18.1.2' },
    { nic_tag: 'admin', ip: '172.18.1.2', netmask: '255.255.255.0', mac: MAC },
  ];
  assert.equal((await updated(ZONE, { nics }, { update_nics: [{ mac: '00:00:5e:00:01:01', vrrp_vrid: 3 }] })).nics[0]?.mac, '00:00:5e:00:01:03');
  assert.equal(await refusal(ZONE, { nics }, { remove_nics: [MAC] }), 'VM cannot contain only VRRP nics');
});

test('a nic that a route leads over cannot be removed', async () => {
  const first = { nics: [STATIC], routes: { '10.9.0.0/16': `macs[${MAC}]` } };
  assert.equal(await refusal(ZONE, first, { remove_nics: [MAC] }), `Route gateway: "macs[${MAC}]" refers to non-existent or DHCP nic`);
});

test('an update cannot take what another instance has', async () => {
  const other = await recordOf(ZONE, { uuid: '9a9a9a9a-9a9a-4a9a-8a9a-9a9a9a9a9a9a', nics: [STATIC] });
  const record = await recordOf(ZONE);
  await assert.rejects(update(record, { add_nics: [{ ...STATIC, mac: '02:00:00:00:00:77' }] }, { others: [record, other] }), { message: /^Conflict detected with another vm/ });
});

test('operators must be arrays and not contradict each other', async () => {
  assert.equal(await refusal(ZONE, {}, { add_nics: {} }), 'add_nics must be an array.');
  assert.equal(await refusal(MACHINE, {}, { disks: [], add_disks: [] }), 'Cannot specify both "disks" and "add_disks"');
});

// Machines.

test('U54, U61: ram of a machine shifts its limits, unless they are given', async () => {
  const kvm = await updated(MACHINE, {}, { ram: 512 });
  assert.deepEqual([kvm.ram, kvm.max_physical_memory, kvm.max_locked_memory], [512, 1536, 1536]);
  assert.equal((await updated(BHYVE, {}, { ram: 512 })).max_physical_memory, 1792);
  assert.equal((await updated(BHYVE, {}, { ram: 1024, max_physical_memory: 2048 })).max_physical_memory, 2048);
});

test('U56: swap of a machine is raised to what it needs', async () => {
  assert.equal((await updated(MACHINE, { ram: 1024 }, { max_swap: 960 })).max_swap, 2048);
});

const TWO_DISKS = { disks: [{ image_uuid: IMAGES.NEUTRAL, boot: true }, { size: 512, pci_slot: '0:4:2' }] };

test('C68: a disk that is added gets the first free slot and volume', async () => {
  const record = await updated(BHYVE, { ...TWO_DISKS, flexible_disk_size: 13312 }, { add_disks: [{ size: 256 }] });
  assert.deepEqual(record.disks?.map(({ pci_slot }) => pci_slot), ['0:4:0', '0:4:2', '0:4:1']);
  assert.equal(record.disks?.[2]?.path, `/dev/zvol/zones/${record.uuid}/disk2`);
});

test('a disk is removed by its path, in both spellings, and its number is used again', async () => {
  const uuid = '9a9a9a9a-9a9a-4a9a-8a9a-9a9a9a9a9a9a';
  const record = await updated(BHYVE, { ...TWO_DISKS, uuid }, { remove_disks: [`/dev/zvol/rdsk/zones/${uuid}/disk0`] });
  assert.deepEqual(record.disks?.map(({ path }) => path), [`/dev/zvol/zones/${uuid}/disk1`]);
  const [added] = ((await update(record, { add_disks: [{ size: 10 }] })).record.disks ?? []).slice(-1);
  assert.equal(added?.path, `/dev/zvol/zones/${uuid}/disk0`);
});

test('disks change only while the machine is stopped, but for compression and reservation', async () => {
  const uuid = '9a9a9a9a-9a9a-4a9a-8a9a-9a9a9a9a9a9a';
  const path = `/dev/zvol/zones/${uuid}/disk1`;
  const first = { ...TWO_DISKS, uuid };
  assert.equal(await refusal(BHYVE, first, { add_disks: [{ size: 1 }] }, RUNNING), 'updates to disks are only allowed when state is "stopped", currently: running (running)');
  assert.equal(await refusal(BHYVE, first, { update_disks: [{ path, boot: false }] }, RUNNING), 'at least one specified update to disks is only allowed when state is "stopped", currently: running (running)');
  assert.equal(await refusal(BHYVE, first, { update_disks: [{ path, refreservation: 256, compression: 'lz4' }] }, RUNNING), 'accepted');
});

test('C61, U64: a disk grows, shrinks only when told so, and keeps its block size', async () => {
  const uuid = '9a9a9a9a-9a9a-4a9a-8a9a-9a9a9a9a9a9a';
  const path = `/dev/zvol/zones/${uuid}/disk1`;
  const first = { ...TWO_DISKS, uuid };
  assert.equal((await updated(BHYVE, first, { update_disks: [{ path, size: 1024 }] })).disks?.[1]?.size, 1024);
  assert.equal(await refusal(BHYVE, first, { update_disks: [{ path, size: 100 }] }), 'cannot resize disk: new size must be greater than current size. (512 > 100)');
  assert.equal((await updated(BHYVE, first, { update_disks: [{ path, size: 100, dangerous_allow_shrink: true }] })).disks?.[1]?.size, 100);
  assert.equal(await refusal(BHYVE, first, { update_disks: [{ path, block_size: 512 }] }), 'cannot change .block_size for a disk after creation');
});

test('what an update leaves is what get shows of a record made that way', async () => {
  const record = await updated(ZONE, {}, { firewall_enabled: true, tmpfs: 0, do_not_inventory: false });
  const shown = toVmObject(record, LIVE);
  assert.deepEqual([shown['firewall_enabled'], shown['tmpfs'], 'do_not_inventory' in shown], [true, 0, false]);
});
