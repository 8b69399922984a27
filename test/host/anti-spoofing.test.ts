import assert from 'node:assert/strict';
import { test } from 'node:test';
import { antiSpoofingScript, type FilteredNic } from '../../host/net/anti-spoofing.ts';

const NIC: FilteredNic = {
  interface: 'zw0123456n0',
  mac: '02:08:20:aa:bb:cc',
  addresses: ['10.77.0.5', '10.77.1.0/24', 'fd00::5'],
  dynamic: { ipv4: false, ipv6: false },
  allow: { mac: false, ip: false, dhcp: false, restricted: false },
};

test('drops every frame that is not the nic\'s own', () => {
  const script = antiSpoofingScript([NIC]);
  for (const rule of [
    'ether saddr != 02:08:20:aa:bb:cc drop',
    'arp saddr ether != 02:08:20:aa:bb:cc drop',
    'ether type != { ip, ip6, arp } drop',
    'ip saddr != { 0.0.0.0, 10.77.1.0/24, 10.77.0.5 } drop',
    'arp saddr ip != { 0.0.0.0, 10.77.1.0/24, 10.77.0.5 } drop',
    'ip6 saddr != { ::, fe80::8:20ff:feaa:bbcc, fd00::5 } drop',
    'udp sport 67 drop',
  ]) {
    assert.ok(script.includes(rule), `${rule}\n${script}`);
  }
});

test('each switch opens its own rule and no other', () => {
  const open = (allow: Partial<FilteredNic['allow']>): string => antiSpoofingScript([{ ...NIC, allow: { ...NIC.allow, ...allow } }]);
  assert.ok(!open({ mac: true }).includes('ether saddr !='));
  assert.ok(open({ mac: true }).includes('ip saddr !='));
  assert.ok(!open({ ip: true }).includes('ip saddr !='));
  assert.ok(open({ ip: true }).includes('ether saddr !='));
  assert.ok(!open({ dhcp: true }).includes('sport 67'));
  assert.ok(!open({ restricted: true }).includes('ether type !='));
});

test('a nic with addresses from DHCP is held to its MAC only', () => {
  const script = antiSpoofingScript([{ ...NIC, addresses: [], dynamic: { ipv4: true, ipv6: true } }]);
  assert.ok(!script.includes('saddr != {'));
  assert.ok(script.includes('ether saddr != 02:08:20:aa:bb:cc drop'));
});

test('an address within an allowed prefix is not named twice, which nftables would refuse', () => {
  const script = antiSpoofingScript([{ ...NIC, addresses: ['10.77.0.5/32', '10.77.0.0/24', '10.77.0.5'] }]);
  assert.ok(script.includes('ip saddr != { 0.0.0.0, 10.77.0.0/24 } drop'), script);
});

const HOSTILE: Array<Partial<FilteredNic>> = [
  { interface: 'zw0; flush ruleset' },
  { interface: 'zw0"' },
  { interface: '' },
  { mac: '02:08:20:aa:bb:cc drop; flush ruleset; #' },
  { mac: '02:08:20:AA:BB:CC' },
  { addresses: ['10.0.0.1 } accept; flush ruleset; {'] },
  { addresses: ['10.0.0.1/33'] },
  { addresses: ['10.0.0.1/-1'] },
  { addresses: ['10.0.0.1\n'] },
  { addresses: [''] },
  { addresses: ['fe80::1%eth0'] },
];

for (const wrong of HOSTILE) {
  test(`refuses ${JSON.stringify(wrong)}`, () => {
    assert.throws(() => antiSpoofingScript([{ ...NIC, ...wrong }]), { code: 'UnsafeConfigValue' });
  });
}
