/** Cases of `vmadm.jsonl` that are told in prose. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toVmObject, validatePayload } from '../../../vmadm/payload/index.ts';
import { FACTS, IMAGES, RUNNING } from '../../support/payload-facts.ts';
import { BHYVE, MACHINE, recordOf, refusalOf, shownOf, ZONE } from './prepare.ts';

const DISKS = [{ image_uuid: IMAGES.NEUTRAL, boot: true, model: 'virtio' }, { size: 512 }, { size: 512 }, { size: 512 }];

/** Four disks with slots given to some of them. */
function slots(given: Readonly<Record<number, string>>) {
  return { disks: DISKS.map((disk, index) => ({ ...disk, ...(given[index] !== undefined && { pci_slot: given[index] }) })) };
}

async function shownSlots(given: Readonly<Record<number, string>>): Promise<unknown[]> {
  return ((await shownOf(BHYVE, slots(given)))['disks'] as Array<{ pci_slot: string }>).map((disk) => disk.pci_slot);
}

test('C36: all resolvers of a machine are kept', async () => {
  const resolvers = ['8.8.8.8', '8.8.4.4', '1.1.1.1', '1.0.0.1', '9.9.9.9'];
  assert.deepEqual((await shownOf(MACHINE, { resolvers }))['resolvers'], resolvers);
});

test("C37: a machine's limits are raised above its ram", async () => {
  const shown = await shownOf(MACHINE, { ram: 1024, max_physical_memory: 256, max_swap: 512 });
  assert.deepEqual([shown['ram'], shown['max_physical_memory'], shown['max_locked_memory'], shown['max_swap']], [1024, 1280, 1280, 1280]);
});

test('C50, C51: autoboot is shown as it was given', async () => {
  assert.equal((await shownOf(ZONE, { autoboot: true }))['autoboot'], true);
  assert.equal((await shownOf(MACHINE, { autoboot: false }))['autoboot'], false);
});

for (const alias of ['simple', 'x', 'hello world', 'öÖ-çÇ-şŞ-ıI', 'a'.repeat(4096), '日本語 🚀']) {
  test(`C52: an alias survives as it is: ${alias.slice(0, 20)}`, async () => {
    assert.equal((await shownOf(ZONE, { alias }))['alias'], alias);
  });
}

test('C52: an empty alias is none', async () => {
  assert.equal('alias' in (await shownOf(ZONE, { alias: '' })), false);
});

const DEFAULT_KEYS =
  'autoboot billing_id boot_timestamp brand cpu_shares create_timestamp customer_metadata dns_domain do_not_inventory firewall_enabled hvm image_uuid init_restarts internal_metadata last_modified limit_priv max_locked_memory max_lwps max_msg_ids max_physical_memory max_sem_ids max_shm_ids max_shm_memory max_swap nics owner_uuid pid platform_buildstamp quota resolvers routes server_uuid snapshots state tags tmpfs type uuid v zfs_filesystem zfs_io_priority zfs_root_recsize zone_state zonedid zoneid zonename zonepath zpool'.split(' ');

test('C53: get of a fresh running zone shows exactly the default properties', async () => {
  const record = { ...(await recordOf(ZONE)), zonedid: 7 };
  assert.deepEqual(Object.keys(toVmObject(record, RUNNING)).sort(), DEFAULT_KEYS);
});

test('C53: get of a fresh running kvm machine differs from that in the properties of machines', async () => {
  const record = { ...(await recordOf({ brand: 'kvm', do_not_inventory: true })), zonedid: 7 };
  const shown = toVmObject(record, RUNNING);
  const expected = [...DEFAULT_KEYS.filter((key) => !['dns_domain', 'image_uuid', 'tmpfs'].includes(key)), 'ram', 'vcpus', 'disks'].sort();
  assert.deepEqual(Object.keys(shown).sort(), expected);
  assert.equal(shown['max_physical_memory'], 1280);
  assert.equal(shown['limit_priv'], 'default,-file_link_any,-net_access,-proc_fork,-proc_info,-proc_session');
});

test('C66: slots of a machine stay where they were put', async () => {
  assert.deepEqual(await shownSlots({ 1: '0:4:5', 2: '0:4:6', 3: '0:4:7' }), ['0:4:0', '0:4:5', '0:4:6', '0:4:7']);
});

test('C67: short spellings of slots are kept', async () => {
  assert.deepEqual(await shownSlots({ 1: '4:1', 2: '5' }), ['0:4:0', '4:1', '5', '0:4:2']);
});

test('C69: two disks cannot be in one slot, however it is spelt', async () => {
  for (const second of ['0:4:0', '4:0', '4']) {
    assert.match(await refusalOf(BHYVE, slots({ 0: '0:4:0', 1: second })), /^VM has multiple disks in pci_slot "/);
  }
});

test('C70: only one disk boots', async () => {
  const disks = DISKS.map((disk, index) => ({ ...disk, boot: index < 2 }));
  assert.match(await refusalOf(BHYVE, { disks }), /^multiple boot disks:/);
});

for (const [id, device] of [['C72', 6], ['C74', 31], ['C7x', 30], ['C7y', 0]] as const) {
  test(`${id}: PCI device ${device} is reserved`, async () => {
    assert.match(await refusalOf(BHYVE, slots({ 0: `0:${device}:0` })), new RegExp(`^pci_slot "0:${device}:0" invalid: PCI device ${device} is reserved`));
  });
}

test('a slot that is none is refused', async () => {
  for (const slot of ['foo', '0:4:8', '0:32:0', '256:0:0', '-1:0:0', '0:0:0:0']) assert.equal(await refusalOf(BHYVE, slots({ 1: slot })), `pci_slot "${slot}" is not valid`);
});

test('nine disks do not fit on one PCI device', async () => {
  assert.equal(await refusalOf(BHYVE, { disks: Array.from({ length: 9 }, () => ({ size: 512 })) }), 'VM has more than 8 disk devices on PCI device 4');
});

test('N01: flags of nics are shown where they are true, and the first nic is the primary one', async () => {
  const nics = [
    { nic_tag: 'admin', ip: 'dhcp', allow_ip_spoofing: false },
    { nic_tag: 'admin', ip: '10.0.0.2', netmask: '255.255.255.0', allow_dhcp_spoofing: true, allow_mac_spoofing: 'true', allowed_ips: ['10.0.0.3', '10.1.0.0/24'] },
    { nic_tag: 'admin', ips: ['addrconf'] },
  ];
  const shown = (await shownOf(ZONE, { nics }))['nics'] as ReadonlyArray<Readonly<Record<string, unknown>>>;
  assert.deepEqual(shown[0], { interface: 'net0', mac: '02:00:00:00:00:02', nic_tag: 'admin', ip: 'dhcp', ips: ['dhcp'], primary: true });
  assert.deepEqual(Object.keys(shown[1] ?? {}), ['interface', 'mac', 'nic_tag', 'ip', 'netmask', 'ips', 'allow_dhcp_spoofing', 'allow_mac_spoofing', 'allowed_ips']);
  assert.deepEqual(shown[2], { interface: 'net2', mac: '02:00:00:00:00:04', nic_tag: 'admin', ips: ['addrconf'] });
});

test('N10: a VRRP nic has the MAC address of its router id', async () => {
  const nics = [
    { nic_tag: 'admin', vrrp_vrid: 1, ip: '172.18.1.101', netmask: '255.255.255.0', vrrp_primary_ip: '172.18.1.2' },
    { nic_tag: 'admin', ip: '172.18.1.2', netmask: '255.255.255.0' },
  ];
  assert.equal((await recordOf(ZONE, { nics })).nics[0]?.mac, '00:00:5e:00:01:01');
});

test('R14: routes and resolvers are shown as they were given', async () => {
  const payload = {
    maintain_resolvers: true,
    resolvers: ['172.21.1.1'],
    routes: { '172.21.1.1': 'nics[1]', '172.22.2.0/24': '172.19.1.1', '172.23.3.0/24': 'macs[aa:bb:cc:12:34:56]' },
    nics: [
      { nic_tag: 'admin', ip: '172.19.1.2', netmask: '255.255.255.0', mac: 'aa:bb:cc:12:34:56' },
      { nic_tag: 'external', ip: '172.20.1.2', netmask: '255.255.255.0' },
    ],
  };
  const shown = await shownOf(ZONE, payload);
  assert.deepEqual([shown['routes'], shown['resolvers'], shown['maintain_resolvers']], [payload.routes, payload.resolvers, true]);
});

test('L23: a docker instance has what Docker images expect', async () => {
  const shown = await shownOf(ZONE, { docker: true, internal_metadata: { a: 'b' } });
  assert.equal(shown['docker'], true);
  assert.equal(shown['restart_init'], false);
  assert.match(String(shown['init_name']), /dockerinit$/);
  assert.deepEqual(shown['internal_metadata_namespaces'], ['docker']);
  assert.match(String((shown['internal_metadata'] as Record<string, unknown>)['docker:id']), /^[0-9a-f]{64}$/);
});

for (const [tty, driver, mode] of [[true, 'json-file', 'gt-'], [false, 'json-file', 'g--'], [true, 'none', '-t-'], [false, 'none', '---'], [true, 'syslog', 'gtn'], [false, 'syslog', 'g-n']] as const) {
  test(`L24–L29: tty ${tty} and log driver ${driver} make log mode ${mode}`, async () => {
    const shown = await shownOf(ZONE, { docker: true, internal_metadata: { 'docker:tty': tty, 'docker:logdriver': driver } });
    assert.equal(shown['zlog_mode'], mode);
  });
}

for (const size of ['abc123', 18446744073709552000, -1, 1.5]) {
  test(`L30, L32: zlog_max_size ${size} is refused`, async () => {
    assert.equal(await refusalOf(ZONE, { docker: true, zlog_max_size: size }), 'Invalid value(s) for: zlog_max_size');
  });
}

test('V58: the image of a data disk does not decide about the boot rom', async () => {
  const payload = { bootrom: 'bios', disks: [{ image_uuid: IMAGES.BIOS }, { image_uuid: IMAGES.UEFI }] };
  assert.deepEqual((await validatePayload('create', 'bhyve', payload, FACTS)).bad_values, []);
});
