import assert from 'node:assert/strict';
import { chown, lstat, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { followIds } from '../../../node/persistence/follow-ids.ts';

const directory = await mkdtemp(join(tmpdir(), 'zonewright-ids-'));
const [base, image, kept] = [join(directory, 'base'), join(directory, 'image'), join(directory, 'kept')];
after(() => rm(directory, { recursive: true, force: true }));

beforeEach(async () => {
  for (const path of [base, image, kept]) {
    await rm(path, { recursive: true, force: true });
    await mkdir(path);
  }
  await writeFile(join(base, 'passwd'), 'root:x:0:0\nchrony:x:101:103\npostgres:x:103:105\n');
  await writeFile(join(base, 'group'), 'root:x:0:\nchrony:x:103:\npostgres:x:105:\n');
  // The two change places.
  await writeFile(join(image, 'passwd'), 'root:x:0:0\nchrony:x:103:105\npostgres:x:101:103\nsshd:x:104:1\n');
  await writeFile(join(image, 'group'), 'root:x:0:\nchrony:x:105:\npostgres:x:103:\n');
  for (const [name, uid, gid] of [['drift', 101, 103], ['base', 103, 105], ['ada', 1000, 1000], ['mixed', 1000, 105]] as const) {
    await writeFile(join(kept, name), '');
    await chown(join(kept, name), uid, gid);
  }
  await symlink('/etc/shadow', join(kept, '-link'));
});

async function ownerOf(name: string): Promise<string> {
  const { uid, gid } = await lstat(join(kept, name));
  return `${uid}:${gid}`;
}

async function assertMoved(): Promise<void> {
  assert.deepEqual(await Promise.all(['drift', 'base', 'ada', 'mixed'].map(ownerOf)), ['103:105', '101:103', '1000:1000', '1000:103']);
}

test('files follow their accounts, also when two change places', async () => {
  await followIds({ base, image, directories: [kept] });
  await assertMoved();
});

test('a power cut before the ids are remembered does not move anything twice', async () => {
  await followIds({ base, image, directories: [kept] });
  await followIds({ base, image, directories: [kept] });
  await assertMoved();
});

test('when nothing changed nobody looks through the files', async () => {
  await followIds({ base: image, image, directories: [join(directory, 'not there')] });
});
