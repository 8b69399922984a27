import assert from 'node:assert/strict';
import { mkdir, mkdtemp, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { listIso, readIsoFile } from '../../../host/iso9660/iso-files.ts';
import { run } from '../../../host/run/run.ts';

let directory: string;
let image: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'zonewright-iso-'));
  await mkdir(join(directory, 'tree/platform-20261121T154200Z'), { recursive: true });
  await writeFile(join(directory, 'tree/platform-20261121T154200Z/manifest.json.sig'), 'signature');
  // Enough for a directory of several sectors.
  for (let index = 0; index < 60; index++) await writeFile(join(directory, `tree/platform-20261121T154200Z/a-name-that-is-longer-than-eight-${index}.txt`), `content ${index}`);
  image = join(directory, 'image.iso');
  await run(['xorriso', '-as', 'mkisofs', '-quiet', '-rational-rock', '-output', image, join(directory, 'tree')]);
});
after(() => rm(directory, { recursive: true }));

test('every file of an image is found by its name, and read', async () => {
  const entries = await listIso(image, '/platform-20261121T154200Z');
  assert.equal(entries.length, 61);
  for (const entry of entries) {
    const content = Buffer.concat(await readIsoFile(image, entry).toArray()).toString();
    assert.equal(content, await readFile(join(directory, 'tree/platform-20261121T154200Z', entry.name), 'utf8'));
  }
});

test('what is not there is not found', async () => {
  assert.deepEqual(await listIso(image, '/nowhere/else'), []);
});

async function spoiled(name: string, spoil: (path: string) => Promise<void>): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, await readFile(image));
  await spoil(path);
  return path;
}

async function patch(path: string, at: number, bytes: Buffer): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(bytes, 0, bytes.length, at);
  await file.close();
}

const SIZE_OF_ROOT = 16 * 2048 + 156 + 10;
const PLACE_OF_ROOT = 16 * 2048 + 156 + 2;

const SPOILED: ReadonlyArray<readonly [string, (path: string) => Promise<void>]> = [
  ['an empty file', (path) => truncate(path, 0)],
  ['a file of zeros', (path) => writeFile(path, Buffer.alloc(100_000))],
  ['one cut off before its directories', (path) => truncate(path, 17 * 2048)],
  ['one whose root has 4 GB', (path) => patch(path, SIZE_OF_ROOT, Buffer.from([0xff, 0xff, 0xff, 0xff]))],
  ['one whose root lies beyond its end', (path) => patch(path, PLACE_OF_ROOT, Buffer.from([0xff, 0xff, 0xff, 0x0f]))],
  ['one whose root is not a directory', (path) => patch(path, PLACE_OF_ROOT, Buffer.from([16, 0, 0, 0]))],
];

for (const [what, spoil] of SPOILED) {
  test(`${what} is refused`, async () => {
    await assert.rejects(listIso(await spoiled(what.replaceAll(' ', '-'), spoil), '/'), { code: 'IsoUnreadable' });
  });
}
