import assert from 'node:assert/strict';
import { test } from 'node:test';
import { preparePayload } from '../../../vmadm/payload/index.ts';
import { newMac } from '../../../vmadm/payload/nics.ts';
import { countingIds, FACTS, IMAGES } from '../../support/payload-facts.ts';
import { BHYVE, MACHINE, recordOf, refusalOf, shownOf, ZONE } from './prepare.ts';

const CONFLICT = 'Conflict detected with another vm, please check the MAC, IP, and VRID';
const STATIC = { nic_tag: 'admin', ip: '10.0.0.2', netmask: '255.255.255.0' };

test('an unknown brand is refused before anything else', async () => {
  assert.equal(await refusalOf({ brand: 'x', quota: 'none' }, {}), 'Invalid brand while validating payload: "x"');
  assert.equal(await refusalOf({ brand: 5 }, {}), 'Invalid brand while validating payload: "5"');
  assert.equal(await refusalOf({ brand: 'constructor' }, {}), 'Invalid brand while validating payload: "constructor"');
  assert.doesNotMatch(await refusalOf({ brand: 'a\u001b[31m\nb' }, {}), /\p{Cc}/u);
});

test('a payload without a brand is incomplete', async () => {
  assert.equal(await refusalOf({ image_uuid: IMAGES.IMG }, {}), 'Missing required properties: brand');
});

test('bad values are named before missing properties, both in one line', async () => {
  assert.equal(await refusalOf({ brand: 'lx', quota: 'x', ram: -1 }, {}), 'Invalid value(s) for: quota,ram');
  assert.equal(await refusalOf({ brand: 'lx' }, {}), 'Missing required properties: image_uuid,kernel_version');
});

test('unknown properties are dropped with a warning, not refused', async () => {
  const { record, warnings } = await preparePayload({ ...ZONE, nonsense: 1, nics: [{ nic_tag: 'admin', physical: 'x' }] }, FACTS, [], countingIds());
  assert.equal('nonsense' in record, false);
  assert.equal('physical' in (record.nics[0] ?? {}), false);
  assert.deepEqual(warnings.map((line) => line.split(':')[0]), ['nonsense', 'nics.*.physical']);
});

test('text that means a number or a boolean is stored as one', async () => {
  const record = await recordOf(ZONE, { quota: '5', autoboot: 'true', firewall_enabled: '1', tmpfs: '0', cpu_shares: null, ram: '512' });
  assert.deepEqual([record.quota, record.autoboot, record.firewall_enabled, record.tmpfs, record.cpu_shares, record.max_physical_memory], [5, true, true, 0, 100, 512]);
});

test('lists come back as they are kept: joined for fs_allowed and limit_priv', async () => {
  const shown = await shownOf(ZONE, { fs_allowed: ['ufs', 'pcfs'], limit_priv: ['default', '-proc_info'], resolvers: '8.8.8.8,8.8.4.4' });
  assert.deepEqual([shown['fs_allowed'], shown['limit_priv'], shown['resolvers']], ['ufs,pcfs', 'default,-proc_info', ['8.8.8.8', '8.8.4.4']]);
});

test('a record is plain JSON', async () => {
  const record = await recordOf(BHYVE, { nics: [STATIC], disks: [{ image_uuid: IMAGES.NEUTRAL }], tags: { a: 1 } });
  assert.deepEqual(JSON.parse(JSON.stringify(record)), record);
});

test('cpu_shares end at 65535', async () => {
  assert.equal((await recordOf(ZONE, { cpu_shares: 100_000 })).cpu_shares, 65535);
});

test('a uuid that an instance or a dataset has is refused', async () => {
  const other = await recordOf(ZONE);
  assert.equal(await refusalOf(ZONE, { uuid: other.uuid }, [other]), `VM with UUID ${other.uuid} already exists`);
  const facts = { ...FACTS, datasetExists: () => true };
  await assert.rejects(preparePayload({ ...ZONE, uuid: other.uuid }, facts, []), { message: `VM with UUID ${other.uuid} already exists` });
});

for (const [brand, image, accepted] of [['joyent', 'IMG', true], ['builder', 'IMG', true], ['joyent', 'LX', false], ['joyent-minimal', 'ZVOL', false], ['lx', 'LX', true], ['lx', 'DOCKER', true], ['lx', 'IMG', false], ['lx', 'ZVOL', false], ['kvm', 'ZVOL', false]] as const) {
  test(`brand ${brand} ${accepted ? 'takes' : 'refuses'} image ${image}`, async () => {
    const refusal = await refusalOf({ brand, image_uuid: IMAGES[image], ...(brand === 'lx' && { kernel_version: '5.10.0' }) }, {});
    if (accepted) assert.equal(refusal, 'accepted');
    else assert.match(refusal, /^image .* is of type .*; brand ".*" takes an image of type /);
  });
}

test('a block size beside an image has a refusal of its own', async () => {
  assert.equal(await refusalOf(MACHINE, { disks: [{ image_uuid: IMAGES.ZVOL, block_size: 8192 }] }), 'setting both .block_size and .image_uuid on a volume is invalid');
});

const REFUSED_DISKS = [
  [MACHINE, { size: 10, block_size: 256 }, 'invalid .block_size(256), must be 512-131072 and a power of 2.'],
  [MACHINE, { size: 10, block_size: 31337 }, 'invalid .block_size(31337), must be 512-131072 and a power of 2.'],
  [MACHINE, { size: 10, model: 'nvme' }, '"nvme" is not a valid disk model for kvm brand. Valid are: virtio, scsi, ide'],
  [BHYVE, { size: 10, model: 'ide' }, '"ide" is not a valid disk model for bhyve brand. Valid are: virtio, ahci, nvme'],
  [{ brand: 'kvm' }, { size: 10 }, 'missing .model option for disk: {"size":10}'],
  [MACHINE, { size: 10, path: '/dev/zvol/zones/x' }, 'you cannot specify a path for a disk unless you set nocreate=true'],
] as const;

for (const [base, disk, message] of REFUSED_DISKS) {
  test(`a disk is refused: ${message}`, async () => {
    assert.equal(await refusalOf(base, { disks: [disk] }), message);
  });
}

test('compression of a disk is one that ZFS knows', async () => {
  assert.match(await refusalOf(MACHINE, { disks: [{ size: 10, compression: 'rar' }] }), /^invalid compression setting for disk, must be one of: /);
});

test('the boot disk and the firmware come from the first image', async () => {
  const record = await recordOf(BHYVE, { disks: [{ size: 10 }, { image_uuid: IMAGES.UEFI }] });
  assert.deepEqual(record.disks?.map(({ boot, pci_slot }) => [boot, pci_slot]), [[false, '0:4:1'], [true, '0:4:0']]);
  assert.equal(record.bootrom, 'uefi');
});

test('volumes are named as on SmartOS', async () => {
  const uuid = '9a9a9a9a-9a9a-4a9a-8a9a-9a9a9a9a9a9a';
  assert.equal((await recordOf(MACHINE, { uuid, disks: [{ size: 10 }] })).disks?.[0]?.path, `/dev/zvol/zones/${uuid}-disk0`);
  assert.equal((await recordOf(BHYVE, { uuid, disks: [{ size: 10 }] })).disks?.[0]?.path, `/dev/zvol/zones/${uuid}/disk0`);
});

const REFUSED_PROPERTIES = [
  [ZONE, { zfs_root_recsize: 256 }, 'invalid zfs_root_recsize (256), must be 512-131072 and a power of 2. (0 to disable)'],
  [ZONE, { zfs_data_recsize: 132096 }, 'invalid zfs_data_recsize (132096), must be 512-131072 and a power of 2. (0 to disable)'],
  [MACHINE, { vnc_password: '123456789' }, 'VNC password is too long, maximum length is 8 characters.'],
  [MACHINE, { vga: 'voodoo' }, 'Invalid VGA type: "voodoo", supported types are: cirrus,std,vmware,qxl,xenfb'],
] as const;

for (const [base, payload, message] of REFUSED_PROPERTIES) {
  test(`a property is refused: ${message}`, async () => {
    assert.equal(await refusalOf(base, payload), message);
  });
}

test('zfs_root_recsize 0 is the default', async () => {
  assert.equal((await recordOf(ZONE, { zfs_root_recsize: 0 })).zfs_root_recsize, 131072);
});

// Nics.

const REFUSED_NICS = [
  [ZONE, [{ ip: 'dhcp' }], 'invalid or missing .nic_tag option for NIC: {"ip":"dhcp"}'],
  [ZONE, [{ nic_tag: 'a b', ip: 'dhcp' }], 'invalid .nic_tag option for NIC: {"nic_tag":"a b","ip":"dhcp"}'],
  [ZONE, [{ nic_tag: 'nowhere', ip: 'dhcp' }], 'Invalid nic tag "nowhere"'],
  [ZONE, [{ nic_tag: 'admin', ip: '10.0.0.2' }], 'Missing .netmask option for NIC: {"nic_tag":"admin","ip":"10.0.0.2"}'],
  [ZONE, [{ ...STATIC, netmask: '255.0.255.0' }], 'Specified netmask value is invalid: 255.0.255.0'],
  [ZONE, [{ nic_tag: 'admin', ip: '10.0.0.256', netmask: '255.0.0.0' }], 'Invalid IP for NIC: {"nic_tag":"admin","ip":"10.0.0.256","netmask":"255.0.0.0"}'],
  [ZONE, [{ nic_tag: 'admin', ip: 'fd00::1', netmask: '255.0.0.0' }], 'Invalid IP for NIC: {"nic_tag":"admin","ip":"fd00::1","netmask":"255.0.0.0"}'],
  [ZONE, [{ nic_tag: 'admin', ips: ['10.0.0.1/7'] }], 'Invalid IP for NIC: {"nic_tag":"admin","ips":["10.0.0.1/7"]}'],
  [ZONE, [{ nic_tag: 'admin', ips: ['10.0.0.1'] }], 'Invalid IP for NIC: {"nic_tag":"admin","ips":["10.0.0.1"]}'],
  [ZONE, [{ ...STATIC, gateway: 'fe80::1' }], 'Static gateways must be IPv4 addresses: fe80::1'],
  [ZONE, [{ ...STATIC, allowed_ips: ['x'] }], 'invalid allowed_ips: x'],
  [ZONE, [{ ...STATIC, primary: false }], "invalid value for NIC's primary flag: false (must be true)"],
  [ZONE, [{ ...STATIC, primary: 'blah' }], "invalid value for NIC's primary flag: blah (must be true)"],
  [ZONE, [STATIC, STATIC], 'Cannot add multiple NICs with the same IP: 10.0.0.2'],
  [ZONE, [{ ...STATIC, vrrp_vrid: 1 }], 'vrrp_vrid set but not vrrp_primary_ip'],
  [ZONE, [{ ...STATIC, vrrp_vrid: 1, vrrp_primary_ip: '10.0.0.3', mac: '02:00:00:00:00:01' }], 'Cannot set both mac and vrrp_vrid'],
  [ZONE, [{ ...STATIC, vrrp_vrid: 1, vrrp_primary_ip: '10.0.0.2' }], 'VM cannot contain only VRRP nics'],
  [ZONE, [{ ...STATIC, vrrp_vrid: 1, vrrp_primary_ip: '10.0.0.2' }, { nic_tag: 'admin' }], 'Cannot set vrrp_primary_ip to the IP of a VRRP nic'],
  [ZONE, [{ ...STATIC, vrrp_vrid: 1, vrrp_primary_ip: '10.9.9.9' }, { nic_tag: 'admin' }], 'vrrp_primary_ip must belong to the same VM'],
  [{ ...MACHINE, nic_driver: 'ne2000' }, [{ nic_tag: 'admin' }], 'invalid .model option for NIC: {"nic_tag":"admin"}'],
  [ZONE, [{ nic_tag: 'admin', ips: Array.from({ length: 21 }, (_, index) => `10.0.0.${index + 1}/24`) }], 'nic.*.ips contains 21 addresses, but is limited to 20'],
  [ZONE, [{ ...STATIC, allowed_ips: Array.from({ length: 14 }, (_, index) => `10.0.0.${index + 1}`) }], 'Maximum of 13 allowed_ips per nic'],
  [ZONE, [{ ...STATIC, allowed_dhcp_cids: Array.from({ length: 33 }, () => '0xab') }], 'nics.*.allowed_dhcp_cids contains 33 Client Identifiers, but is limited to 20'],
  [ZONE, [{ ...STATIC, allowed_dhcp_cids: Array.from({ length: 20 }, () => `0x${'ab'.repeat(30)}`) }], 'nics.*.allowed_dhcp_cids contains too many long Client Identifiers'],
] as const;

for (const [base, nics, message] of REFUSED_NICS) {
  test(`a nic is refused: ${message.slice(0, 100)}`, async () => {
    assert.equal(await refusalOf(base, { nics }), message);
  });
}

test('a MAC address is kept in lower case, two digits an octet', async () => {
  assert.equal((await recordOf(ZONE, { nics: [{ nic_tag: 'admin', mac: '2:A:0B:c:D:e' }] })).nics[0]?.mac, '02:0a:0b:0c:0d:0e');
});

test('a generated MAC address is locally administered and of one station', () => {
  for (let count = 0; count < 100; count++) assert.match(newMac(), /^[0-9a-f]2(:[0-9a-f]{2}){5}$/);
});

test('interfaces are named by brand, around names that are given', async () => {
  const names = async (base: typeof ZONE) => (await recordOf(base, { nics: [{ nic_tag: 'admin' }, { nic_tag: 'admin', interface: 'net0' }, { nic_tag: 'admin' }] })).nics.map((nic) => nic.interface);
  assert.deepEqual(await names(ZONE), ['net1', 'net0', 'net2']);
  assert.deepEqual(await names({ brand: 'lx', image_uuid: IMAGES.LX, kernel_version: '5.10.0' }), ['eth0', 'net0', 'eth1']);
});

test('vlan 0 is kept and shown when it was given', async () => {
  assert.equal((await recordOf(ZONE, { nics: [{ ...STATIC, vlan_id: 0 }] })).nics[0]?.vlan_id, 0);
});

test('the first nic is primary unless another one says so', async () => {
  const flags = async (nics: readonly object[]) => (await recordOf(ZONE, { nics })).nics.map(({ primary }) => primary);
  assert.deepEqual(await flags([{ nic_tag: 'admin' }, { nic_tag: 'admin' }]), [true, undefined]);
  assert.deepEqual(await flags([{ nic_tag: 'admin' }, { nic_tag: 'admin', primary: 1 }]), [undefined, true]);
});

test('an address, a MAC address or a router id that another instance has is a conflict', async () => {
  const mac = '02:00:00:00:00:99';
  const other = await recordOf(ZONE, { uuid: '9a9a9a9a-9a9a-4a9a-8a9a-9a9a9a9a9a9a', nics: [{ ...STATIC, mac }, { nic_tag: 'admin', ips: ['fd00::1/64'] }] });
  assert.equal(await refusalOf(ZONE, { nics: [STATIC] }, [other]), CONFLICT);
  assert.equal(await refusalOf(ZONE, { nics: [{ nic_tag: 'external', mac }] }, [other]), CONFLICT);
  assert.equal(await refusalOf(ZONE, { nics: [{ nic_tag: 'admin', ips: ['fd00:0:0::0001/64'] }] }, [other]), CONFLICT);
  assert.equal(await refusalOf(ZONE, { nics: [{ ...STATIC, nic_tag: 'external' }] }, [other]), 'accepted');
  assert.equal(await refusalOf(ZONE, { nics: [{ ...STATIC, vlan_id: 5 }] }, [other]), 'accepted');
  assert.equal(await refusalOf(ZONE, { nics: [STATIC] }, [{ ...other, failed: 'provisioning' }]), 'accepted');
});

test('N20: a router id that another instance has on the same network is a conflict', async () => {
  const nics = (octet: number) => [
    { nic_tag: 'admin', vrrp_vrid: 1, ip: `172.18.${octet}.101`, netmask: '255.255.255.0', vrrp_primary_ip: `172.18.${octet}.2` },
    { nic_tag: 'admin', ip: `172.18.${octet}.2`, netmask: '255.255.255.0', mac: `02:00:00:00:01:0${octet}` },
  ];
  const other = await recordOf(ZONE, { uuid: '9a9a9a9a-9a9a-4a9a-8a9a-9a9a9a9a9a9a', nics: nics(1) });
  assert.equal(await refusalOf(ZONE, { nics: nics(2) }, [other]), CONFLICT);
});

for (const [destination, gateway, message] of [
  ['10.2.0.0/7', '1.2.3.4', 'Invalid route destination: "10.2.0.0/7" (must be IP address or CIDR)'],
  ['default', '1.2.3.4', 'Invalid route destination: "default" (must be IP address or CIDR)'],
  ['10.2.0.0/24', 'eth0', 'Invalid route gateway: "eth0" (must be IP address, MAC address, or nic)'],
  ['10.2.0.0/24', 'nics[x]', 'Invalid route gateway: "nics[x]" (must be IP address, MAC address, or nic)'],
  ['10.2.0.0/24', 'nics[7]', 'Route gateway: "nics[7]" refers to non-existent or DHCP nic'],
  ['10.2.0.0/24', 'nics[0]', 'accepted'],
  ['fd00::/64', 'fd00::1', 'accepted'],
] as const) {
  test(`a route to ${destination} over ${gateway}: ${message}`, async () => {
    assert.equal(await refusalOf(ZONE, { nics: [STATIC], routes: { [destination]: gateway } }), message);
  });
}
