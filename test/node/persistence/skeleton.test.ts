import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { addMissing } from '../../../node/persistence/skeleton.ts';

let directory: string;
let [from, to] = ['', ''];

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'zonewright-skeleton-'));
  [from, to] = [join(directory, 'image'), join(directory, 'kept')];
  await mkdir(join(from, 'lib/dpkg/info'), { recursive: true });
  await mkdir(join(from, 'lib/new'), { recursive: true, mode: 0o700 });
  await mkdir(join(from, 'log'));
  await writeFile(join(from, 'lib/state'), "image's");
  await writeFile(join(from, 'lib/new/file'), "image's", { mode: 0o600 });
  await writeFile(join(from, 'lib/dpkg/status'), "image's");
  await symlink('/run/lock', join(from, 'lock'));
  await mkdir(join(to, 'lib'), { recursive: true, mode: 0o755 });
  await writeFile(join(to, 'lib/state'), "node's");
  // What a power cut left of an earlier copy.
  await mkdir(join(to, 'lib/.new.zonewright-new'));
  await addMissing(from, to, ['lib/dpkg', 'log']);
});
after(() => rm(directory, { recursive: true, force: true }));

test('what is missing comes with its mode, and what is there is not touched', async () => {
  assert.equal(await readFile(join(to, 'lib/state'), 'utf8'), "node's");
  assert.equal(await readFile(join(to, 'lib/new/file'), 'utf8'), "image's");
  assert.equal((await stat(join(to, 'lib/new'))).mode & 0o777, 0o700);
  assert.equal((await stat(join(to, 'lib/new/file'))).mode & 0o777, 0o600);
});

test('what is left out is not copied, and nothing unfinished stays', async () => {
  assert.deepEqual((await readdir(to)).sort(), ['lib', 'lock']);
  assert.deepEqual((await readdir(join(to, 'lib'))).sort(), ['new', 'state']);
});

test('a link is something that is there, wherever it leads', async () => {
  await rm(join(to, 'lock'));
  await symlink('/nowhere', join(to, 'lock'));
  await addMissing(from, to, ['lib/dpkg', 'log']);
  const { stdout } = await import('../../../host/run/run.ts').then(({ run }) => run(['readlink', join(to, 'lock')]));
  assert.equal(stdout, '/nowhere\n');
});
