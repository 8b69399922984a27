import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { NodeConfig } from '../../host/config/node-config.ts';
import { decideOptions, poolFileSize } from '../../node/setup/options.ts';

const LAST: NodeConfig = {
  version: 1,
  serverUuid: '3f0e1c1a-0000-4000-8000-000000000001',
  pool: 'tank',
  mountpoint: '/tank',
  runDirectory: '/run/other',
  cgroup: 'other',
  zfs: { implementation: 'openzfs', version: '2.3.2' },
  uidRanges: { first: 268435456, count: 16384 },
  idmappedMounts: true,
};

test('without wishes a host gets the pool zones in a sparse file', () => {
  const options = decideOptions({}, undefined);
  assert.equal(options.pool, 'zones');
  assert.equal(options.file, '/var/lib/zonewright/zones.img');
  assert.equal(options.mountpoint, '/zones');
});

test('a pool on disks has no file', () => {
  assert.equal(decideOptions({ disks: ['/dev/sdb'] }, undefined).file, undefined);
});

test('what an earlier setup decided is kept', () => {
  const { pool, mountpoint, runDirectory, cgroup, file } = decideOptions({}, LAST);
  assert.deepEqual({ pool, mountpoint, runDirectory, cgroup, file }, { pool: 'tank', mountpoint: '/tank', runDirectory: '/run/other', cgroup: 'other', file: undefined });
});

test('a node does not change its pool', () => {
  assert.throws(() => decideOptions({ pool: 'zones' }, LAST), { code: 'NodeHasPool' });
});

for (const pool of ['', '-f', 'a/b', 'a@b', 'a b', 'mirror', 'mirrored', 'raidz2', 'log', 'c0t0', '../x', 'Z', 'a\nb', 'x'.repeat(65)]) {
  test(`refuses the pool name ${JSON.stringify(pool)}`, () => {
    assert.throws(() => decideOptions({ pool }, undefined), { code: 'PoolNameInvalid' });
  });
}

for (const adminAddress of ['10.77.0.1', '10.77.0.1/33', '10.77.0.1/24/8', '300.1.1.1/24', '10.77.0.1/24 ', '::1/64', '10.77.0.1/7', '']) {
  test(`refuses the admin address ${JSON.stringify(adminAddress)}`, () => {
    assert.throws(() => decideOptions({ adminAddress }, undefined), { code: 'AddressInvalid' });
  });
}

test('a pool file is never larger than 64 GiB by itself, and a whole number of GiB', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'zonewright-test-'));
  try {
    const size = await poolFileSize(join(directory, 'pool', 'zones.img'), undefined);
    assert.ok(size <= 64 * 1024 ** 3);
    assert.equal(size % 1024 ** 3, 0);
    await assert.rejects(poolFileSize(join(directory, 'zones.img'), 1), { code: 'NoSpace' });
  } finally {
    await rm(directory, { recursive: true });
  }
});
