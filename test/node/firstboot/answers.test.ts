import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isErrorCode } from '../../../host/errors/errors.ts';
import { parseAnswers } from '../../../node/firstboot/answers.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4vYx2qk0Zt1mY2m3n4o5p6q7r8s9t0u1v2w3x4y5z6 operator@desk';

function parse(answers: unknown) {
  return parseAnswers(JSON.stringify(answers), 'the test');
}

/** SmartOS's answers, and ours for the same. */
const SMARTOS: ReadonlyArray<readonly [theirs: Record<string, unknown>, ours: Record<string, unknown>]> = [
  [{ config_console: 'none', skip_instructions: true, simple_headers: 'false', skip_final_confirm: true, install_pkgsrc: 'no' }, {}],
  [{ admin_mac: '52:54:00:88:00:02' }, { admin_nic: '52:54:00:88:00:02' }],
  [{ admin_nic: 'eth0', admin_mac: '52:54:00:88:00:02' }, { admin_nic: 'eth0' }],
  [{ admin_ip: 'dhcp' }, { admin_ip: 'dhcp' }],
  [{ admin_ip: '10.0.0.7', admin_netmask: '255.255.255.0', headnode_default_gateway: '10.0.0.1' }, { admin_ip: '10.0.0.7', admin_netmask: '255.255.255.0', admin_gateway: '10.0.0.1' }],
  [{ dns_resolver1: '8.8.8.8', dns_resolver2: '8.8.4.4' }, { dns_resolvers: ['8.8.8.8', '8.8.4.4'] }],
  [{ dns_resolvers: '1.1.1.1, 9.9.9.9' }, { dns_resolvers: ['1.1.1.1', '9.9.9.9'] }],
  [{ dns_domain: 'example.com', dns_search: 'other.com' }, { dns_domain: 'example.com' }],
  [{ ntp_host: '0.pool.ntp.org' }, { ntp_hosts: ['0.pool.ntp.org'] }],
  [{ zpool_layout: 'default', zpool_confirm_layout: true }, { layout: 'auto' }],
  [{ zpool_layout: 'raidz' }, { layout: 'raidz1' }],
  [{ external_nic: '52:54:00:88:00:03' }, { nic_tags: { external: '52:54:00:88:00:03' } }],
  [{ root_shadow: '$6$salt$0123456789abcdef' }, { root_password_hash: '$6$salt$0123456789abcdef' }],
];

for (const [theirs, ours] of SMARTOS) test(`SmartOS's ${Object.keys(theirs).join(', ')} is understood`, () => assert.deepEqual(parse(theirs), ours));

test('everything that can be answered is taken as it is', () => {
  const answers = {
    role: 'head',
    hostname: 'head-1',
    admin_nic: '52:54:00:88:00:02',
    admin_ip: '10.88.0.2/24',
    admin_gateway: 'none',
    admin_vlan_id: 7,
    nic_tags: { external: 'eth1' },
    dns_resolvers: ['10.88.0.1'],
    dns_domain: 'example.com',
    ntp_hosts: ['10.88.0.1', 'time.example.com'],
    disks: [{ size: '>= 1T', transport: 'nvme' }],
    layout: 'mirror',
    bootable: true,
    root_password: 'correct horse',
    root_password_hash: '$y$j9T$abc./$def',
    root_authorized_keys: [KEY],
    datacenter_name: 'east-1',
    dhcp_range: { start: '10.88.0.100', end: '10.88.0.199' },
    setup_nodes: 'automatic',
    confirm: true,
  };
  assert.deepEqual(parse(answers), answers);
});

/** Wrong answers; the error names the key, and the value where it is no secret. */
const WRONG: ReadonlyArray<readonly [answers: unknown, message: RegExp]> = [
  [{ role: 'king' }, /role = "king": must be "standalone", "head" or "node"/],
  [{ rôle: 'head' }, /r\?le is not a known key/],
  [{ hostnam: 'x' }, /hostnam is not a known key/],
  [{ hostname: 'a.b' }, /hostname = "a\.b"/],
  [{ hostname: '-x' }, /hostname/],
  [{ hostname: 'a\nb' }, /hostname = "a\\nb"/],
  [{ admin_nic: '01:00:5e:00:00:01' }, /admin_nic = "01:00:5e:00:00:01"/],
  [{ admin_nic: '../eth0' }, /admin_nic/],
  [{ admin_ip: '10.0.0' }, /admin_ip = "10\.0\.0": must be "dhcp" or an IPv4 address/],
  [{ admin_ip: '10.0.0.1/33' }, /admin_ip/],
  [{ admin_vlan_id: 4095 }, /admin_vlan_id = 4095/],
  [{ admin_vlan_id: '7' }, /admin_vlan_id = "7"/],
  [{ nic_tags: { 'a b': 'eth1' } }, /nic_tags/],
  [{ dns_resolver1: 'ns.example.com' }, /dns_resolvers\.0 = "ns\.example\.com"/],
  [{ ntp_hosts: ['a b'] }, /ntp_hosts\.0 = "a b"/],
  [{ ntp_hosts: ['server\nmakestep'] }, /ntp_hosts\.0/],
  [{ disks: 'sda' }, /disks = "sda"/],
  [{ layout: 'raidz9' }, /layout = "raidz9"/],
  [{ bootable: 'yes' }, /bootable = "yes": must be true or false/],
  [{ root_authorized_keys: ['ssh-dss AAAA'] }, /root_authorized_keys\.0/],
  [{ root_authorized_keys: [`command="reboot" ${KEY}`] }, /without options/],
  [{ root_authorized_keys: [`${KEY}\n${KEY}`] }, /one line/],
  [{ dhcp_range: '10.0.0.1-10.0.0.9' }, /dhcp_range/],
  [{ setup_nodes: true }, /setup_nodes = true/],
  [{ confirm: 'true' }, /confirm = "true"/],
  [{ join: { head: 'http://10.0.0.1', ca_sha256: 'a'.repeat(64) } }, /join\.head: must be an address like https/],
  [{ join: { head: 'https://10.0.0.1:8443' } }, /join: must be/],
  [[], /not a JSON object/],
  ['x', /not a JSON object/],
  [null, /not a JSON object/],
];

for (const [answers, message] of WRONG) {
  test(`${JSON.stringify(answers)} is refused, and said why`, () => assert.throws(() => parse(answers), { code: 'AnswersInvalid', message }));
}

/** Secrets that are wrong. */
const SECRETS = [{ root_password: 'sesame1' }, { root_password: 'sesame-sesame\u0007' }, { root_password_hash: 'sesame-in-clear' }, { root_password_hash: '$1$sesame$sesame' }, { join: { token: 'sesame' } }, { root_password: ['sesame'] }];

for (const answers of SECRETS) {
  test(`a wrong ${Object.keys(answers)[0] ?? ''} is refused without being repeated`, () => {
    assert.throws(
      () => parse(answers),
      (error) => isErrorCode(error, 'AnswersInvalid') && error.message.includes(Object.keys(answers)[0] ?? '?') && !error.message.includes('sesame'),
    );
  });
}

test('text that is not JSON is said to be none, with the line, and is not repeated', () => {
  assert.throws(
    () => parseAnswers('{\n  "root_password": "sesame",\n  oops\n}', 'answers.json'),
    (error) => isErrorCode(error, 'AnswersInvalid') && /it is not JSON \(line 3\)/.test(error.message) && !error.message.includes('sesame'),
  );
});
