import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { kindBeneath, listBeneath, readFileBeneath, removeFileBeneath, writeFileBeneath } from '../../host/files/beneath.ts';

let outside: string;
let root: string;
const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, mode: 0o644 };

beforeEach(async () => {
  outside = await mkdtemp(join(tmpdir(), 'zw-beneath-'));
  root = join(outside, 'root');
  await mkdir(join(root, 'etc'), { recursive: true });
  await writeFile(join(outside, 'secret'), 'host secret');
});

afterEach(() => rm(outside, { recursive: true, force: true }));

test('writes a file and makes the directories above it', async () => {
  await writeFileBeneath(root, 'var/svc/marker', 'x', owner);
  assert.equal(await readFile(join(root, 'var/svc/marker'), 'utf8'), 'x');
  assert.equal(await readFileBeneath(root, '/var/svc/marker'), 'x');
});

test('replaces a link instead of writing through it', async () => {
  await symlink(join(outside, 'secret'), join(root, 'etc/resolv.conf'));
  await writeFileBeneath(root, 'etc/resolv.conf', 'nameserver 10.0.0.1\n', owner);
  assert.equal(await readFile(join(outside, 'secret'), 'utf8'), 'host secret');
  assert.equal(await readFileBeneath(root, 'etc/resolv.conf'), 'nameserver 10.0.0.1\n');
});

const HOSTILE: Array<[name: string, path: string, prepare: () => Promise<void>]> = [
  ['a parent that is an absolute link', 'escape/secret', () => symlink(outside, join(root, 'escape'))],
  ['a parent that is a relative link upwards', 'up/secret', () => symlink('..', join(root, 'up'))],
  ['a parent that is a link within the root', 'alias/passwd', () => symlink('etc', join(root, 'alias'))],
  ['a parent that is a file', 'etc/file/x', () => writeFile(join(root, 'etc/file'), '')],
  ['".."', '../secret', async () => undefined],
  ['".." in the middle', 'etc/../../secret', async () => undefined],
  ['nothing', '/', async () => undefined],
];

for (const [name, path, prepare] of HOSTILE) {
  test(`refuses a path with ${name}, to write, read and remove`, async () => {
    await prepare();
    await assert.rejects(writeFileBeneath(root, path, 'owned', owner), { code: 'UnsafePath' });
    await assert.rejects(readFileBeneath(root, path), { code: 'UnsafePath' });
    await assert.rejects(removeFileBeneath(root, path), { code: 'UnsafePath' });
    assert.equal(await readFile(join(outside, 'secret'), 'utf8'), 'host secret');
  });
}

test('does not read a link, says that it is one, and lists what is there', async () => {
  await symlink(join(outside, 'secret'), join(root, 'etc/passwd'));
  await assert.rejects(readFileBeneath(root, 'etc/passwd'), { code: 'ELOOP' });
  assert.equal(await kindBeneath(root, 'etc/passwd'), 'link');
  assert.equal(await kindBeneath(root, 'etc/nothing'), undefined);
  assert.deepEqual(await listBeneath(root, 'etc'), ['passwd']);
  await removeFileBeneath(root, 'etc/passwd');
  assert.deepEqual(await listBeneath(root, 'etc'), []);
  assert.equal(await readFile(join(outside, 'secret'), 'utf8'), 'host secret');
});
