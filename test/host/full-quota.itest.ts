/** A file system that is full is the trouble of whoever filled it, and of nobody else. */
import assert from 'node:assert/strict';
import { mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { dataset } from '../../host/config/units.ts';
import { isSystemError } from '../../host/errors/errors.ts';
import { createDataset } from '../../host/zfs/zfs.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';

let node: ScratchNode;

before(async () => {
  node = await scratchNode({ megabytes: 512 });
  await createDataset(dataset(node.pool, 'greedy'), { quota: '32M' });
  await createDataset(dataset(node.pool, 'neighbour'));
});

after(() => node.remove());

/** The daemon's pid; none where the kernel itself has ZFS. */
async function daemon(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const names = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')));
  return pids.filter((_, index) => names[index]?.trim() === 'zfs-fuse');
}

test('writes that cross records fail when a quota is reached, and ZFS lives on', async () => {
  const before_ = await daemon();
  for (const size of [100_000, 131_072, 4_097, 65_535]) {
    const directory = join(node.mountpoint, 'greedy', String(size));
    await mkdir(directory);
    const outcomes = await Promise.all(Array.from({ length: 4 }, (_, index) => fill(join(directory, String(index)), size)));
    assert.ok(outcomes.includes('full'), 'the quota was not reached');
    await rm(directory, { recursive: true });
  }
  assert.deepEqual(await daemon(), before_);
  const other = join(node.mountpoint, 'neighbour', 'file');
  await writeFile(other, 'fine');
  assert.equal(await readFile(other, 'utf8'), 'fine');
});

/** Write past every quota, in steps that are no records. */
async function fill(path: string, size: number): Promise<'full' | 'wrote all'> {
  await using file = await open(path, 'w');
  const block = Buffer.alloc(size, 1);
  try {
    for (let written = 1; written < 64 * 1024 * 1024; written += size) await file.write(block, 0, size, written);
    return 'wrote all';
  } catch (error) {
    if (isSystemError(error, 'ENOSPC', 'EDQUOT')) return 'full';
    throw error;
  }
}
