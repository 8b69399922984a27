import assert from 'node:assert/strict';
import { test } from 'node:test';
import { validatePayload } from '../../../vmadm/payload/index.ts';
import { FACTS, IMAGES } from '../../support/payload-facts.ts';

const BASE = { brand: 'joyent', image_uuid: IMAGES.IMG };
const UUID = '9a9a9a9a-9a9a-4a9a-8a9a-9a9a9a9a9a9a';

function validate(payload: Readonly<Record<string, unknown>>) {
  return validatePayload('create', 'joyent', { ...BASE, ...payload }, FACTS);
}

const GOOD: Readonly<Record<string, readonly unknown[]>> = {
  autoboot: [true, false, 'true', 'false', 1, 0, '1', '0'],
  alias: ['a', 'hello world', 'öÖ-ıI', '日本語', null, '', 'x'.repeat(5000)],
  hostname: ['web', 'web-1.example.com', 'a_b', 'x'.repeat(64), '', null],
  dns_domain: ['local', 'example.com'],
  quota: [0, 1, '10', 1048576, 2097152, null, ''],
  ram: [128, '512', 1048576],
  max_swap: [256, '1024', null],
  tmpfs: [0, 1024],
  uuid: [UUID],
  owner_uuid: [UUID, '', null],
  billing_id: ['9.99', UUID],
  fs_allowed: ['ufs,pcfs', ['ufs'], '', []],
  limit_priv: ['default', 'default,dtrace_user', ['proc_info', '-proc_session'], ''],
  resolvers: [['8.8.8.8', '2001:db8::1'], '8.8.8.8,8.8.4.4', []],
  customer_metadata: [{}, { a: 'b', n: 1, t: true, 'user-script': '#!/bin/sh\necho hi\n' }],
  tags: [{ role: 'db' }, { 'a.b': 'ü' }],
  internal_metadata_namespaces: [['docker', 'a-b.c_d']],
  zpool: ['zones', 'tank'],
  cpu_shares: [1, 65535, 100000, null],
  cpu_cap: [0, 100, '350'],
  nics: [[], [{}], [{ nic_tag: 'admin', ip: 'dhcp', mtu: 576 }], [{ mac: '0A:b:c:d:e:f' }], [{ vlan_id: 0 }], [{ vlan_id: 4095 }], [{ allowed_dhcp_cids: ['0xabcd'] }], [{ primary: true }], [{ network_uuid: UUID }]],
};

const BAD: Readonly<Record<string, readonly unknown[]>> = {
  autoboot: ['aardvark', 2, -1, null, '', [], {}, 'TRUE'],
  alias: [5, true, [], {}, 'a\nb', 'a\u0000', 'a\tb', '\u001b[31m', '\u009b31m', '\ud800'],
  hostname: ['a b', 'a\nlxc.hook.start = /x', 'ü', 'x'.repeat(65), 'a/b', '$(id)', 'a;b', 'a=b', 7],
  dns_domain: ['local\nnameserver 6.6.6.6', {}],
  quota: ['none', -1, 1.5, '1.5', true, 2 ** 53 + 2, 1e300, '99999999999999999999', [], ' 1', '0x10', '1e3'],
  ram: [-1, 'lots', 2 ** 53, '9007199254740993', 2 ** 40, {}],
  max_physical_memory: [2 ** 33],
  max_swap: [128, 255, -1],
  uuid: [UUID.toUpperCase(), 'x', '', null, `${UUID}\n`, '../../etc/passwd', 7],
  owner_uuid: ['a b', 'a\nb', '../x', 'x'.repeat(65), 5],
  image_uuid: ['not-a-uuid', '00000000-0000-0000-0000-000000000009'],
  fs_allowed: [{ a: 'b' }, 5, ['a,b'], ['../x'], [{}], ['a\nb']],
  limit_priv: [['a b'], {}, ['x\ny']],
  resolvers: [['8.8.8'], ['8.8.8.8\nsearch evil'], 'localhost', [8], {}],
  customer_metadata: [{ k: { nested: 1 } }, { k: [] }, { k: null }, [], 'a', 5, { 'a\nb': 'c' }, { '': 'x' }],
  tags: [{ 'role\nx': 'db' }, { x: { y: 1 } }],
  internal_metadata_namespaces: [['a:b'], ['a b'], [''], {}],
  zpool: ['doogle', '', null, 5, 'zones/x', '../zones'],
  nics: ['net0', {}, [1], ['x'], [null], [[]]],
  filesystems: [{}, 'x'],
  cpu_cap: [-1, 'all', 2 ** 40],
  max_lwps: [-5, 2 ** 50],
};

for (const [name, values] of Object.entries(GOOD)) {
  for (const value of values) {
    test(`${name} accepts ${JSON.stringify(value).slice(0, 60)}`, async () => {
      const { bad_values, bad_properties } = await validate({ [name]: value });
      assert.deepEqual([bad_values, bad_properties], [[], []]);
    });
  }
}

for (const [name, values] of Object.entries(BAD)) {
  for (const value of values) {
    test(`${name} refuses ${JSON.stringify(value).slice(0, 60)}`, async () => {
      const { bad_values, details } = await validate({ [name]: value });
      assert.deepEqual(bad_values, [name]);
      assert.ok(details.some((line) => line.startsWith(`${name}: `) && line.length < 300 && !/\p{Cc}/u.test(line)), String(details));
    });
  }
}

const BAD_NICS: Readonly<Record<string, readonly unknown[]>> = {
  mtu: [500, 'abc', 9001, 1500.5],
  mac: ['00:01:02:03:04:05:06', '00:01:02:03:04', 'zz:01:02:03:04:05', '00-01-02-03-04-05', '00:01:02:03:04:05\n'],
  vlan_id: [-1, 4096, 'x'],
  vrrp_vrid: [256, -1],
  network_uuid: ['not-a-uuid'],
  allowed_dhcp_cids: [['0xqz'], ['abcd'], ['0xabc']],
  blocked_outgoing_ports: [[0], [65536], ['http']],
  interface: ['net0\n', 'a/b', '../x', 'x'.repeat(16), '0net'],
  nic_tag: ['admin\nx', 5],
  allow_ip_spoofing: ['maybe', {}],
};

for (const [attribute, values] of Object.entries(BAD_NICS)) {
  for (const value of values) {
    test(`nics.*.${attribute} refuses ${JSON.stringify(value).slice(0, 60)}`, async () => {
      const { bad_values } = await validate({ nics: [{ nic_tag: 'admin', ip: 'dhcp' }, { nic_tag: 'admin', [attribute]: value }] });
      assert.deepEqual(bad_values, [`nics.*.${attribute}`]);
    });
  }
}

test('a property that does not exist, that another brand has, or that is only reported is a bad property', async () => {
  const { bad_properties } = await validate({ nonsense: 1, vcpus: 2, state: 'running', update_nics: [], constructor: 1, toString: 'x' });
  assert.deepEqual(bad_properties, ['nonsense', 'vcpus', 'state', 'update_nics', 'constructor', 'toString']);
});

test('a key of JSON that JavaScript treats apart is a bad property like any other', async () => {
  const payload = JSON.parse('{"__proto__": {"quota": 5}, "nics": [{"__proto__": 1}]}') as Record<string, unknown>;
  const { bad_properties } = await validatePayload('create', 'joyent', Object.defineProperties({ ...BASE }, Object.getOwnPropertyDescriptors(payload)), FACTS);
  assert.deepEqual(bad_properties, ['__proto__', 'nics.*.__proto__']);
});

test('every property that a brand requires is named when it is missing', async () => {
  assert.deepEqual((await validatePayload('create', 'joyent', {}, FACTS)).missing_properties, ['brand', 'image_uuid']);
  assert.deepEqual((await validatePayload('create', 'lx', {}, FACTS)).missing_properties, ['brand', 'image_uuid', 'kernel_version']);
  assert.deepEqual((await validatePayload('create', 'kvm', {}, FACTS)).missing_properties, ['brand']);
  assert.deepEqual((await validatePayload('create', 'bhyve', {}, FACTS)).missing_properties, []);
});

test('the older name of image_uuid satisfies it', async () => {
  const payload = { brand: 'joyent', dataset_uuid: IMAGES.IMG };
  assert.deepEqual((await validatePayload('create', 'joyent', payload, FACTS)).missing_properties, []);
});

test('an update may take any attribute of an element away', async () => {
  const payload = { update_nics: [{ mac: '01:02:03:04:05:06', network_uuid: '', mtu: null, model: '' }] };
  assert.deepEqual((await validatePayload('update', 'kvm', payload, FACTS)).bad_values, []);
});

test('collections cannot be given whole in an update', async () => {
  const { bad_properties } = await validatePayload('update', 'kvm', { nics: [], disks: [], tags: {}, routes: {}, customer_metadata: {} }, FACTS);
  assert.deepEqual(bad_properties, ['nics', 'disks', 'tags', 'routes', 'customer_metadata']);
});

test('disks are checked against their images, each by its index', async () => {
  const disks = [{ image_uuid: IMAGES.ZVOL }, { image_uuid: IMAGES.IMG }, { image_uuid: UUID }, { image_uuid: IMAGES.ZVOL, image_size: 1 }, {}, { media: 'cdrom', path: '/x.iso' }];
  const result = await validatePayload('create', 'kvm', { brand: 'kvm', disks }, FACTS);
  assert.deepEqual(result.bad_values, ['disks.1.image_uuid', 'disks.2.image_uuid', 'disks.3.image_size']);
  assert.deepEqual(result.missing_properties, ['disks.4.size']);
});

test('disks to add are named by where they stand in the payload', async () => {
  const result = await validatePayload('update', 'bhyve', { add_disks: [{ image_uuid: UUID }] }, FACTS);
  assert.deepEqual(result.bad_values, ['add_disks.0.image_uuid']);
});

test('a size beside an image needs flexible_disk_size, and is at least that of the image', async () => {
  const sized = (size: number, more = {}) => validatePayload('create', 'bhyve', { disks: [{ image_uuid: IMAGES.TEN_GIB, size }], ...more }, FACTS);
  assert.deepEqual((await sized(11264)).bad_values, ['disks.0.size']);
  assert.deepEqual((await sized(11264, { flexible_disk_size: 99999 })).bad_values, []);
  assert.deepEqual((await sized(9216, { flexible_disk_size: 99999 })).bad_values, ['size']);
});

test('a file system is mounted at an absolute path without ".."', async () => {
  for (const target of ['tmp', '/a/../../etc', '/a\nb']) {
    const { bad_values } = await validate({ filesystems: [{ type: 'lofs', source: '/tmp', target }] });
    assert.deepEqual(bad_values, ['filesystems.*.target']);
  }
  assert.deepEqual((await validate({ filesystems: [{ type: 'lofs' }] })).missing_properties, ['filesystems.0.source', 'filesystems.0.target']);
});

test('a mistyped property is answered with the one that was meant', async () => {
  const { warnings } = await validate({ qouta: 5, ailas: 'x', nics: [{ nic_tagg: 'admin' }], completely_different: 1, 'a\nb': 1 });
  assert.deepEqual(warnings, [
    'qouta: there is no such property (did you mean quota?); it is ignored',
    'ailas: there is no such property (did you mean alias?); it is ignored',
    'nics.*.nic_tagg: there is no such property (did you mean nic_tag?); it is ignored',
    'completely_different: there is no such property; it is ignored',
    '"a\\nb": there is no such property; it is ignored',
  ]);
});

test('an absurdly long value is cut where it is explained', async () => {
  const { details } = await validate({ hostname: 'x'.repeat(1_000_000) });
  assert.ok(details.every((line) => line.length < 300));
});
