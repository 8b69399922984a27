import assert from 'node:assert/strict';
import { test } from 'node:test';
import { upgradeManifest } from '../../imgadm/manifest/upgrade.ts';
import { parseManifest, validateManifest } from '../../imgadm/manifest/validate.ts';

const UUID = '0f9e8d7c-1111-2222-3333-444455556666';
const GOOD = { v: 2, uuid: UUID, name: 'base', version: '1.0.0', type: 'lx-dataset', os: 'linux' };

const BAD: ReadonlyArray<readonly [what: string, change: Record<string, unknown>, field: RegExp]> = [
  ['no uuid', { uuid: undefined }, /^invalid manifest: uuid \(/],
  ['an upper-case uuid', { uuid: UUID.toUpperCase() }, /uuid \(not a uuid\)/],
  ['a uuid that is a path', { uuid: '../../etc/passwd' }, /uuid \(not a uuid\)/],
  ['an empty name', { name: '' }, /name \(/],
  ['a name with a newline', { name: 'a\nb' }, /name \(characters/],
  ['a version with a blank', { version: '1 0' }, /version \(characters/],
  ['a type that nobody knows', { type: 'floppy' }, /type \(/],
  ['an os that nobody knows', { os: 'plan9' }, /os \(/],
  ['an origin that is no uuid', { origin: '@final' }, /origin \(not a uuid\)/],
  ['a date without time', { published_at: '2026-01-31' }, /published_at \(not a date/],
  ['a sha1 that is too short', { files: [{ sha1: 'abc', compression: 'none' }] }, /files\.0\.sha1 \(not a sha1\)/],
  ['a negative size', { files: [{ size: -1, compression: 'none' }] }, /files\.0\.size \(/],
  ['a file beyond 20 GiB', { files: [{ size: 21 * 1024 ** 3, compression: 'none' }] }, /files\.0\.size \(more than 20 GiB\)/],
  ['two files', { files: [{ compression: 'none' }, { compression: 'none' }] }, /files \(more than one file\)/],
  ['a homepage that is a script', { homepage: 'javascript:alert(1)' }, /homepage \(not an http/],
  ['an unknown field', { shell: '/bin/sh' }, /shell \(unknown field\)/],
  ['an unknown requirement', { requirements: { magic: true } }, /requirements\.magic \(unknown field\)/],
  ['min_ram above max_ram', { requirements: { min_ram: 2, max_ram: 1 } }, /requirements\.min_ram \(greater than max_ram\)/],
  ['an image_size on what is no volume', { image_size: 10240 }, /image_size \(only for type zvol\)/],
  ['tags beyond 100 KiB', { tags: { a: 'x'.repeat(110_000) } }, /tags \(more than 100 KiB\)/],
  ['a user with a password', { users: [{ name: 'root', password: 'x' }] }, /users\.0\.password \(unknown field\)/],
];

for (const [what, change, field] of BAD) {
  test(`a manifest with ${what} is refused by its field`, () => {
    assert.throws(() => parseManifest(JSON.stringify({ ...GOOD, ...change })), { code: 'ManifestValidation', message: field });
  });
}

test('all problems of a manifest are named at once', () => {
  assert.throws(() => validateManifest({ ...GOOD, name: '', os: 'x' }), { message: /name \(.*os \(/ });
});

for (const [what, text] of [['text', 'hello'], ['a list', '[]'], ['null', 'null'], ['no version', '{}']] as const) {
  test(`${what} is no manifest`, () => {
    assert.throws(() => parseManifest(text), { code: 'InvalidManifest' });
  });
}

test('a manifest with channels is taken without them', () => {
  assert.deepEqual(validateManifest({ ...GOOD, channels: ['dev'] }), GOOD);
});

test('a zvol image may say what its disk needs', () => {
  const volume = { ...GOOD, type: 'zvol', image_size: 10240, nic_driver: 'virtio', disk_driver: 'virtio', cpu_type: 'host' };
  assert.deepEqual(validateManifest(volume), volume);
});

test('a manifest of the first generation is brought to the second', () => {
  const first = {
    creator_uuid: UUID,
    vendor_uuid: UUID,
    creator_name: 'x',
    uuid: UUID,
    name: 'base',
    version: '1.0',
    type: 'zone-dataset',
    os: 'smartos',
    created_at: '2011-11-11T11:11Z',
    restricted_to_uuid: UUID,
    image_size: '1024',
    files: [{ path: 'base.zfs.bz2', sha1: '0'.repeat(40), size: 1 }],
  };
  assert.deepEqual(upgradeManifest(first), {
    v: 2,
    owner: UUID,
    uuid: UUID,
    name: 'base',
    version: '1.0',
    type: 'zone-dataset',
    os: 'smartos',
    published_at: '2011-11-11T11:11:00Z',
    public: false,
    acl: [UUID],
    disabled: false,
    state: 'active',
    image_size: 1024,
    files: [{ sha1: '0'.repeat(40), size: 1, compression: 'bzip2' }],
  });
});
