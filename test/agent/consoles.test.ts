import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, open, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { cutBackConsoles } from '../../agent/consoles/cut-back.ts';

let directory: string;
let log: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'zw-consoles-'));
  log = join(directory, 'machine/log');
  await mkdir(log, { recursive: true });
});

afterEach(() => rm(directory, { recursive: true, force: true }));

test('a short console is left as it is', async () => {
  await writeFile(join(log, 'console.log'), 'booting\n');
  await cutBackConsoles(directory);
  assert.equal(await readFile(join(log, 'console.log'), 'utf8'), 'booting\n');
});

test('a long console keeps its end while the machine goes on appending', async () => {
  const writer = await open(join(log, 'console.log'), 'a');
  await writer.write('x'.repeat(300 * 1024));
  await writer.write('last line\n');
  await cutBackConsoles(directory);
  await writer.write('after the cut\n');
  await writer.close();
  assert.equal(await readFile(join(log, 'console.log'), 'utf8'), 'after the cut\n');
  assert.match(await readFile(join(log, 'console.log.1'), 'utf8'), /xlast line\n$/);
});

test('endless output stays bounded', async () => {
  for (let round = 0; round < 20; round++) {
    await appendFile(join(log, 'console.log'), 'y'.repeat(300 * 1024));
    await cutBackConsoles(directory);
  }
  const sizes = await Promise.all(['console.log', 'console.log.1'].map(async (name) => (await stat(join(log, name))).size));
  assert.ok(sizes.every((size) => size <= 300 * 1024), String(sizes));
});

test('a link that stands in for the console is not followed', async () => {
  const victim = join(directory, 'victim');
  await writeFile(victim, 'z'.repeat(400 * 1024));
  await symlink(victim, join(log, 'console.log'));
  await cutBackConsoles(directory);
  assert.equal((await stat(victim)).size, 400 * 1024);
});

test('no machines at all is no error', async () => {
  await cutBackConsoles(join(directory, 'nothing'));
  assert.equal((await stat(directory)).isDirectory(), true);
});
