import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNetworking, parseNetworkingText, type NetworkingInput } from '../../host/net/networking.ts';

const MAC = '52:54:00:12:34:56';
const OTHER_MAC = '52:54:00:12:34:57';

const ADMIN_NIC = { mac: MAC, nic_tag: 'admin', ip: '10.88.0.5', netmask: '255.255.255.0', gateway: '10.88.0.1', primary: true } as const;
const GOOD = { nictags: [{ name: 'admin', mac: MAC }], vnics: [ADMIN_NIC] } as const satisfies NetworkingInput;

test('what is left out has defaults, and a MAC address has one spelling', () => {
  const document = parseNetworking({ ...GOOD, nictags: [{ name: 'admin', mac: MAC.toUpperCase() }] });
  assert.deepEqual(document, {
    admin_tag: 'admin',
    resolvers: [],
    routes: {},
    nictags: [{ name: 'admin', mac: MAC }],
    vnics: [{ ...ADMIN_NIC, vlan_id: 0 }],
    aggregations: [],
  });
});

test("a document of Triton's form is taken, without what says nothing to a node", () => {
  const document = parseNetworking({
    nictags: [{ name: 'admin', uuid: '0f2c5cb4-35cd-4a9c-9d0b-3d5b1a35ee1d', mtu: 1500, mac: MAC }],
    admin_tag: 'admin',
    resolvers: ['10.88.0.2', 'fd00::2'],
    routes: { '10.0.0.0/8': '10.88.0.3', default: '10.88.0.1' },
    vnics: [{ ...ADMIN_NIC, owner_uuid: '00000000-0000-0000-0000-000000000000', belongs_to_type: 'server', state: 'running', ips: ['10.88.0.5/24'], vlan_id: 0, mtu: 1500 }],
    aggregations: [],
    nictag_rules: [],
    hostname: 'n1',
    datacenter_name: 'dc',
    dns_domain: 'example.com',
    ntp_hosts: ['10.88.0.1', 'pool.ntp.org'],
  });
  assert.deepEqual(Object.keys(document.vnics[0] ?? {}).sort(), ['gateway', 'ip', 'mac', 'mtu', 'netmask', 'nic_tag', 'primary', 'vlan_id']);
  assert.equal('nictag_rules' in document, false);
});

const good: ReadonlyArray<readonly [what: string, document: unknown]> = [
  ['no address at all', { nictags: [], vnics: [] }],
  ['an address by DHCP', { ...GOOD, vnics: [{ mac: MAC, nic_tag: 'admin', ip: 'dhcp' }] }],
  ['two networks of one tag in VLANs', { ...GOOD, vnics: [ADMIN_NIC, { mac: OTHER_MAC, nic_tag: 'admin', ip: '10.89.0.5', netmask: '255.255.255.0', vlan_id: 12 }] }],
  ['two addresses in one network', { ...GOOD, vnics: [ADMIN_NIC, { ...ADMIN_NIC, ip: '10.88.0.6', primary: false }] }],
  ['two tags on one interface', { ...GOOD, nictags: [...GOOD.nictags, { name: 'external', mac: MAC }] }],
  ['an aggregation', { nictags: [{ name: 'admin' }], vnics: [ADMIN_NIC], aggregations: [{ name: 'aggr0', lacp_mode: 'active', macs: [MAC, OTHER_MAC], nic_tags_provided: ['admin'] }] }],
  ['a network of two addresses', { ...GOOD, vnics: [{ ...ADMIN_NIC, ip: '10.88.0.0', netmask: '255.255.255.254' }] }],
  ['a route to a next hop that DHCP will tell of', { ...GOOD, vnics: [{ mac: MAC, nic_tag: 'admin', ip: 'dhcp' }], routes: { '10.0.0.0/8': '192.168.0.1' } }],
];
for (const [what, document] of good) {
  test(`a document may have ${what}`, () => {
    assert.doesNotThrow(() => parseNetworking(document));
  });
}

const nic = (change: object): object => ({ ...GOOD, vnics: [{ ...ADMIN_NIC, ...change }] });
const tag = (change: object): object => ({ ...GOOD, nictags: [{ name: 'admin', mac: MAC, ...change }] });
const aggregation = (change: object): object => ({ nictags: [{ name: 'admin' }], vnics: [], aggregations: [{ name: 'aggr0', macs: [MAC], nic_tags_provided: ['admin'], ...change }] });

/** Each is refused, and the reason names what is wrong. */
const bad: ReadonlyArray<readonly [document: unknown, reason: RegExp]> = [
  [null, /object/],
  [[], /object/],
  ['{}', /object/],
  [{ ...GOOD, gatway: '10.88.0.1' }, /gatway/],
  [{ ...GOOD, 'x\u001b[2Jy': 1 }, /x\?\[2Jy/],
  [{ ...GOOD, hostname: 'a b' }, /hostname: must be a DNS name/],
  [{ ...GOOD, hostname: 'n1\nroot::0' }, /hostname/],
  [{ ...GOOD, hostname: '-n1' }, /hostname/],
  [{ ...GOOD, hostname: 'a'.repeat(64) }, /hostname/],
  [{ ...GOOD, dns_domain: 'example.com\noptions rotate' }, /dns_domain/],
  [{ ...GOOD, datacenter_name: '../dc' }, /datacenter_name/],
  [{ ...GOOD, resolvers: ['10.88.0.2\nnameserver 6.6.6.6'] }, /resolvers\.0: must be an IP address/],
  [{ ...GOOD, resolvers: ['fe80::1%eth0'] }, /resolvers\.0/],
  [{ ...GOOD, resolvers: Array.from({ length: 9 }, () => '10.88.0.2') }, /resolvers/],
  [{ ...GOOD, ntp_hosts: ['pool.ntp.org iburst\nallow all'] }, /ntp_hosts\.0: must be an IP address or a DNS name/],
  [{ ...GOOD, ntp_hosts: ['-x'] }, /ntp_hosts/],
  [{ ...GOOD, admin_tag: 'admin;' }, /admin_tag/],
  [{ ...GOOD, routes: { default: 'dev eth0' } }, /routes\.default: must be an IPv4 address/],
  [{ ...GOOD, routes: { default: '10.99.0.1' } }, /the next hop 10\.99\.0\.1 is on no network/],
  [{ ...GOOD, routes: { default: '10.88.0.5' } }, /next hop/],
  [{ ...GOOD, routes: { '10.0.0.1/8': '10.88.0.1' } }, /must be "default" or a subnet/],
  [{ ...GOOD, routes: { '0.0.0.0/0': '10.88.0.1' } }, /must be "default" or a subnet/],
  [{ ...GOOD, routes: { '10.0.0.0/33': '10.88.0.1' } }, /must be "default" or a subnet/],
  [{ ...GOOD, routes: { '--help': '10.88.0.1' } }, /must be "default" or a subnet/],
  [tag({ mac: '01:00:5e:00:00:01' }), /MAC address of one interface/],
  [tag({ mac: '00:00:00:00:00:00' }), /MAC address of one interface/],
  [tag({ mac: '52-54-00-12-34-56' }), /MAC address/],
  [tag({ name: '' }), /1 to 31 letters/],
  [tag({ name: 'a'.repeat(32) }), /1 to 31 letters/],
  [tag({ name: 'admin/../x' }), /1 to 31 letters/],
  [tag({ mac: undefined }), /has no mac, and no aggregation provides it/],
  [tag({ mtu: 68 }), /576/],
  [tag({ mtu: 65_536 }), /9216/],
  [{ ...GOOD, nictags: [...GOOD.nictags, { name: 'admin', mac: OTHER_MAC }] }, /two nic tags "admin"/],
  [nic({ nic_tag: 'other' }), /there is no nic tag "other"/],
  [nic({ netmask: undefined }), /needs a netmask/],
  [nic({ netmask: '255.0.255.0' }), /is not a netmask/],
  [nic({ netmask: '0.0.0.0', gateway: undefined }), /is not a netmask/],
  [nic({ netmask: '10.88.0.1' }), /is not a netmask/],
  [nic({ ip: '10.88.0.0' }), /not an address that a host can have/],
  [nic({ ip: '10.88.0.255' }), /not an address that a host can have/],
  [nic({ ip: '127.0.0.1', gateway: undefined }), /not an address that a host can have/],
  [nic({ ip: '224.0.0.1', gateway: undefined }), /not an address that a host can have/],
  [nic({ ip: '010.88.0.5' }), /IPv4 address or "dhcp"/],
  [nic({ ip: '10.88.0.5/24' }), /IPv4 address or "dhcp"/],
  [nic({ ip: 'DHCP' }), /IPv4 address or "dhcp"/],
  [nic({ gateway: '10.89.0.1' }), /gateway 10\.89\.0\.1 is not in the network/],
  [nic({ gateway: '10.88.0.5' }), /is the node itself/],
  [nic({ ip: 'dhcp' }), /come by DHCP/],
  [nic({ vlan_id: 4095 }), /VLAN id/],
  [nic({ vlan_id: '12' }), /vlan_id/],
  [nic({ interface: 'eth0' }), /interface/],
  [{ ...GOOD, vnics: [ADMIN_NIC, ADMIN_NIC] }, /10\.88\.0\.5 is there twice/],
  [{ ...GOOD, vnics: [ADMIN_NIC, { ...ADMIN_NIC, ip: '10.88.0.6' }] }, /only one can be primary/],
  [{ ...GOOD, vnics: [ADMIN_NIC, { ...ADMIN_NIC, ip: '10.88.0.6', primary: false, vlan_id: 12 }] }, /overlaps that of 10\.88\.0\.5/],
  [{ ...GOOD, vnics: [{ mac: MAC, nic_tag: 'admin', ip: 'dhcp' }, { mac: MAC, nic_tag: 'admin', ip: 'dhcp' }] }, /by DHCP already/],
  [aggregation({ name: 'lo' }), /must not be "lo"/],
  [aggregation({ name: 'zwadmin' }), /must not be "lo" nor begin with "zw"/],
  [aggregation({ name: 'a b' }), /interface name/],
  [aggregation({ name: 'aggr0123456789012' }), /interface name/],
  [aggregation({ name: '../all' }), /interface name/],
  [aggregation({ macs: [] }), /macs/],
  [aggregation({ macs: [MAC, MAC] }), /in aggregations twice/],
  [aggregation({ lacp_mode: 'fast' }), /lacp_mode/],
  [aggregation({ nic_tags_provided: ['admin', 'other'] }), /there is no nic tag "other"/],
  [{ ...aggregation({}), nictags: [{ name: 'admin' }, { name: 'external', mac: MAC }] }, /cannot have a nic tag of its own/],
  [{ ...aggregation({}), nictags: [{ name: 'admin', mac: OTHER_MAC }] }, /on more than one interface/],
];
for (const [index, [document, reason]] of bad.entries()) {
  test(`a bad document is refused, naming the reason (${index + 1}: ${reason.source})`, () => {
    assert.throws(() => parseNetworking(document), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'NetworkingInvalid');
      assert.match(error.message, reason);
      assert.doesNotMatch(error.message, /[^\x20-\x7e]/);
      return true;
    });
  });
}

test('what is not JSON is refused as such', () => {
  assert.throws(() => parseNetworkingText('{'), { code: 'NetworkingInvalid', message: /it is not JSON/ });
  assert.deepEqual(parseNetworkingText(JSON.stringify(GOOD)), parseNetworking(GOOD));
});
