import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { run } from '../../../host/run/run.ts';
import { eraseDisk } from '../../../node/disks/erase.ts';
import { listDisks, type Disk } from '../../../node/disks/list.ts';
import { diskDirectory } from '../../support/disks.ts';
import { loopDisk, type LoopDisk } from './loop-disks.ts';

let [big, small]: LoopDisk[] = [];

before(async () => {
  [big, small] = [await loopDisk(5), await loopDisk(1)];
});
after(async () => {
  for (const disk of [big, small]) await disk?.detach();
});

async function look(disk: LoopDisk | undefined): Promise<Disk> {
  const found = (await listDisks()).find(({ path }) => path === disk?.path);
  assert.ok(found, 'a block device is listed');
  return found;
}

test('an empty disk can be taken, and one that is too small cannot', async () => {
  const disk = await look(big);
  assert.deepEqual([disk.size, disk.content, disk.obstacle, disk.transport], [5 * 1024 ** 3, undefined, undefined, 'loop']);
  assert.match((await look(small)).obstacle ?? '', /smaller than 4 GiB/);
});

test('what is on a disk is said, a disk that is mounted cannot be taken or erased, and one that is erased is empty', async () => {
  const path = big?.path ?? '';
  await run(['mke2fs', '-q', '-F', '-t', 'ext4', '-L', 'somebodys', path]);
  assert.equal((await look(big)).content, 'ext4 "somebodys"');
  const mountpoint = join(await diskDirectory(), 'mounted');
  await mkdir(mountpoint);
  await run(['mount', path, mountpoint]);
  try {
    assert.match((await look(big)).obstacle ?? '', /mounted at|in use/);
    await assert.rejects(eraseDisk(path), { code: 'DiskUnusable', message: /in use/ });
  } finally {
    await run(['umount', mountpoint]);
  }
  await eraseDisk(path);
  assert.deepEqual([(await look(big)).content, (await look(big)).obstacle], [undefined, undefined]);
});

test('a disk that was part of a pool says so, and is empty when it is erased', async () => {
  const path = big?.path ?? '';
  await run(['zpool', 'create', '-m', 'none', 'zwterase', path]);
  await run(['zpool', 'export', 'zwterase']);
  assert.equal((await look(big)).content, 'pool "zwterase"');
  await eraseDisk(path);
  assert.equal((await look(big)).content, undefined);
  const { stdout } = await run(['zpool', 'import'], { acceptExitCodes: [0, 1] });
  assert.doesNotMatch(stdout, /zwterase/);
});

test('partitions go with the disk that they are on', async () => {
  const path = big?.path ?? '';
  await run(['sfdisk', '--quiet', '--', path], { input: 'label: gpt\nsize=512M\nsize=1G\n' });
  await run(['partx', '--update', path], { acceptExitCodes: [0, 1] });
  assert.match((await look(big)).content ?? '', /partition/);
  await eraseDisk(path);
  assert.equal((await look(big)).content, undefined);
});
