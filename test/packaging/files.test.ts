import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { run } from '../../host/run/run.ts';
import { packDeb } from '../../packaging/deb.ts';
import { packTarball } from '../../packaging/tarball.ts';

const EPOCH = 1763748000;

let directory: string;

before(async () => void (directory = await mkdtemp(join(tmpdir(), 'zw-packaging-'))));
after(() => rm(directory, { recursive: true, force: true }));

test('a package of the same files is the same bytes, whenever it is made, with files that are root’s', async () => {
  const packed: Buffer[] = [];
  for (const [index, time] of [EPOCH + 1000, EPOCH + 2000].entries()) {
    const root = await tree(`deb-${index}`, time);
    const out = join(directory, `${index}.deb`);
    await packDeb(root, { version: '1.0', epoch: EPOCH, out, quick: true });
    packed.push(await readFile(out));
  }
  assert.ok(packed[0]?.equals(packed[1] ?? Buffer.alloc(0)));
  const { stdout } = await run(['dpkg-deb', '--contents', join(directory, '0.deb')], { environment: { TZ: 'UTC' } });
  assert.match(stdout, /^-rwxr-xr-x root\/root +5 2025-11-21 18:00 \.\/usr\/lib\/zw\/program$/m);
  assert.match(stdout, /^lrwxrwxrwx root\/root .* \.\/usr\/sbin\/zw -> \.\.\/lib\/zw\/program$/m);
  assert.match((await run(['dpkg-deb', '--info', join(directory, '0.deb'), 'md5sums'])).stdout, /^[0-9a-f]{32} {2}usr\/lib\/zw\/program\n$/);
});

test('a tarball of the same files is the same bytes, and has what is below /usr alone', async () => {
  const packed: Buffer[] = [];
  for (const [index, time] of [EPOCH + 1000, EPOCH + 2000].entries()) {
    const out = join(directory, `${index}.tar.gz`);
    await packTarball(await tree(`tar-${index}`, time), { epoch: EPOCH, out });
    packed.push(await readFile(out));
  }
  assert.ok(packed[0]?.equals(packed[1] ?? Buffer.alloc(0)));
  const { stdout } = await run(['tar', '--list', '--verbose', '--numeric-owner', '--file', join(directory, '0.tar.gz')], { environment: { TZ: 'UTC' } });
  for (const line of stdout.trimEnd().split('\n')) assert.match(line, /^\S+ 0\/0 +\d+ 2025-11-21 18:00 usr\//);
});

async function tree(name: string, seconds: number): Promise<string> {
  const root = join(directory, name);
  const program = join(root, 'usr/lib/zw/program');
  for (const folder of ['usr/lib/zw', 'usr/sbin']) await mkdir(join(root, folder), { recursive: true, mode: 0o755 });
  await writeFile(program, 'hello');
  await chmod(program, 0o755);
  await symlink('../lib/zw/program', join(root, 'usr/sbin/zw'));
  await utimes(program, seconds, seconds);
  return root;
}
