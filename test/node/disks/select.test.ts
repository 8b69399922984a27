import assert from 'node:assert/strict';
import { test } from 'node:test';
import { disksSchema, selectDisks, sizeText } from '../../../node/disks/select.ts';
import { disk } from './disks.ts';

const DISKS = [
  disk('nvme0n1', 1000, { transport: 'nvme', model: 'Fast 1T', serial: 'N0' }),
  disk('sda', 100, { rotational: true, model: 'Slow 100', serial: 'A' }),
  disk('sdb', 100, { rotational: true, model: 'Slow 100', serial: 'B', content: 'pool "old"' }),
  disk('sdc', 32, { transport: 'usb', removable: true, model: 'Stick' }),
  disk('sdd', 100, { obstacle: 'it is mounted at /data' }),
  disk('loop7', 100, { transport: 'loop' }),
];

/** What is asked for, and which disks that is. */
const CHOICES: ReadonlyArray<readonly [asked: unknown, disks: readonly string[]]> = [
  ['all', ['nvme0n1', 'sda', 'sdb']],
  [{ transport: 'nvme' }, ['nvme0n1']],
  [{ size: '>= 500G' }, ['nvme0n1']],
  [{ size: '<=107.4GB' }, ['sda', 'sdb']],
  [{ size: '100G' }, ['sda', 'sdb']],
  [{ size: '< 1T', rotational: true }, ['sda', 'sdb']],
  [{ model: 'slow' }, ['sda', 'sdb']],
  [{ serial: 'B' }, ['sdb']],
  [{ transport: 'usb' }, ['sdc']],
  [['/dev/sdc', '/dev/sda'], ['sda', 'sdc']],
  [['/dev/loop7'], ['loop7']],
  [[{ serial: 'A' }, '/dev/sda'], ['sda']],
];

for (const [asked, names] of CHOICES) {
  test(`${JSON.stringify(asked)} is ${names.join(' and ')}`, async () => {
    const chosen = await selectDisks(DISKS, disksSchema.parse(asked));
    assert.deepEqual(chosen.map(({ path }) => path), names.map((name) => `/dev/${name}`));
  });
}

/** What cannot be had, and what is said. */
const REFUSED: ReadonlyArray<readonly [asked: unknown, code: string, message: RegExp]> = [
  [['/dev/sdz'], 'DiskUnusable', /\/dev\/sdz.*no such disk/],
  [['/dev/sdd'], 'DiskUnusable', /mounted at \/data/],
  [{ size: '> 10T' }, 'NoDiskFits', /> 10T/],
  [{ serial: 'S-sdd' }, 'NoDiskFits', /S-sdd/],
];

for (const [asked, code, message] of REFUSED) {
  test(`${JSON.stringify(asked)} is refused`, async () => {
    await assert.rejects(selectDisks(DISKS, disksSchema.parse(asked)), { code, message });
  });
}

for (const bad of ['some', '', [], {}, ['sda'], ['/dev/../etc/passwd\n'], ['/tmp/x'], ['-f'], { size: 'big' }, { size: '-1G' }, { size: '1e9' }, { serial: 'a\nb' }, { transport: 'carrier pigeon' }, { colour: 'red' }, null, 3]) {
  test(`${JSON.stringify(bad)} is no way to name disks`, () => assert.equal(disksSchema.safeParse(bad).success, false));
}

test('sizes are said in words that fit a line', () => {
  assert.deepEqual([0, 512, 1536, 1024 ** 3 * 8, 1024 ** 4 * 1.8, 1024 ** 5 * 3].map(sizeText), ['0 B', '512 B', '1.5 KiB', '8 GiB', '1.8 TiB', '3072 TiB']);
});
