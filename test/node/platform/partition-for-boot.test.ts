import assert from 'node:assert/strict';
import { mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { run } from '../../../host/run/run.ts';
import { readFatFile } from '../../../host/fat/fat-volume.ts';
import { placePlatform, readBootPartition, setNextBoot, writeMenu } from '../../../node/platform/boot-partition.ts';
import { isPartitionedForNothing, partitionForBoot } from '../../../node/platform/partition-for-boot.ts';
import { newSigningKey, smallPlatform, stamp } from '../../support/platform-image.ts';

const GIB = 1024 ** 3;
let directory: string;
before(async () => void (directory = await mkdtemp(join(tmpdir(), 'zonewright-boot-disk-'))));
after(() => rm(directory, { recursive: true }));

async function disk(gibibytes: number): Promise<string> {
  const path = join(directory, `disk-${crypto.randomUUID()}`);
  await writeFile(path, '');
  await truncate(path, gibibytes * GIB);
  return path;
}

test('a disk gets a partition for GRUB, one to boot from, and the rest for the pool', async () => {
  const path = await disk(8);
  const { boot, pool } = await partitionForBoot(path);
  const { partitiontable } = JSON.parse((await run(['sfdisk', '--json', path])).stdout) as { partitiontable: { partitions: Array<{ name: string; start: number; size: number }> } };
  assert.deepEqual(
    partitiontable.partitions.map(({ name, start }) => [name, start]),
    [['zonewright-bios', 2048], ['zonewright-boot', 4096], ['zonewright-pool', 4096 + (GIB / 512)]],
  );
  assert.equal(boot, `${path}@@${4096 * 512}`);
  assert.equal(pool, `${path}@@${4096 * 512 + GIB}`);
  assert.ok((partitiontable.partitions[2]?.size ?? 0) * 512 > 6.9 * GIB);
  assert.deepEqual((await readBootPartition(boot)).stamps, []);
  assert.ok((await readBootPartition(boot)).free > 1e9);
});

test('its first sector leads to GRUB, which leads to the rest of itself', async () => {
  const path = await disk(8);
  await partitionForBoot(path);
  const file = await open(path, 'r');
  const sectors = Buffer.alloc(4096);
  await file.read(sectors, 0, 512, 0);
  await file.read(sectors, 512, 1024, 2048 * 512);
  await file.close();
  assert.equal(sectors.readBigUInt64LE(0x5c), 2048n);
  assert.equal(sectors.readUInt16LE(510), 0xaa55);
  assert.equal(sectors.readBigUInt64LE(512 + 0x1f4), 2049n);
});

test('a disk that was partitioned and then left is known, one with anything else on it is not', async () => {
  const path = await disk(8);
  assert.equal(await isPartitionedForNothing(path), false);
  const { pool } = await partitionForBoot(path);
  assert.equal(await isPartitionedForNothing(path), true);
  await run(['mformat', '-i', pool, '-F', '-T', '1000000', '-h', '255', '-s', '63', '-c', '8', '::']);
  assert.equal(await isPartitionedForNothing(path), false);
});

test('a disk that is too small is refused before anything is written to it', async () => {
  const path = await disk(3);
  await assert.rejects(partitionForBoot(path), { code: 'DiskTooSmall' });
  const { stdout } = await run(['blkid', '-p', '-o', 'export', '--', path], { acceptExitCodes: [0, 2] });
  assert.equal(stdout, '');
});

test('images are in the menu when they are complete; the one before the menu is kept for a write that is cut off', async () => {
  const { boot } = await partitionForBoot(await disk(8));
  const key = newSigningKey();
  const [one, two] = [stamp(1), stamp(2)];
  for (const version of [one, two]) {
    await placePlatform(boot, { stamp: version, directory: await smallPlatform(directory, version, key), bytes: 105_000, keep: new Set() });
    await writeMenu(boot, one, 600);
  }
  await setNextBoot(boot, { saved: one, next: two });
  const { stamps, saved, next } = await readBootPartition(boot);
  assert.deepEqual([stamps, saved, next], [[one, two], one, two]);
  assert.match((await readFatFile(boot, '/grub/menu.cfg')) ?? '', new RegExp(`platform-${two}/vmlinuz`));
  assert.doesNotMatch((await readFatFile(boot, '/grub/menu.old')) ?? '', new RegExp(`platform-${two}/vmlinuz`));
});

test('older images make room for a new one, those that are needed do not', async () => {
  const { boot } = await partitionForBoot(await disk(8));
  const key = newSigningKey();
  const [one, two, three] = [stamp(3), stamp(4), stamp(5)];
  const place = (version: typeof one, keep: ReadonlySet<typeof one>, bytes = 105_000) =>
    smallPlatform(directory, version, key).then((from) => placePlatform(boot, { stamp: version, directory: from, bytes, keep }));
  await place(one, new Set());
  await place(two, new Set());
  const { free } = await readBootPartition(boot);
  await assert.rejects(place(three, new Set([one, two]), free), { code: 'PlatformSpace' });
  assert.deepEqual((await readBootPartition(boot)).stamps, [one, two]);
  await place(three, new Set([two]), free - 4 * 1024 ** 2 + 50_000);
  assert.deepEqual((await readBootPartition(boot)).stamps, [two, three]);
});
