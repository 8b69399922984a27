import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { syncDirectory, writeFileAtomically } from '../../host/files/atomic.ts';
import { run } from '../../host/run/run.ts';
import { probeZfs } from '../../host/zfs/features.ts';
import { fuseCredentialsLibrary } from '../../host/zfs/fuse-credentials/build.ts';

/**
 * A zfs-fuse of the test's own, in mount namespaces of its own, that is killed as a power cut would. What it had not put
 * on its disk is gone then; the pool is imported again and looked at.
 */
test('what was written durably, and what was removed durably, is so after the file system is killed', async (context) => {
  if ((await probeZfs())?.implementation !== 'zfs-fuse') return context.skip('only a file system in user space can be killed');
  const directory = await mkdtemp(join(process.env['ZONEWRIGHT_SANDBOX'] ?? tmpdir(), 'durable-'));
  await writeFile(join(directory, 'pool.img'), '');
  await truncate(join(directory, 'pool.img'), 256 * 1024 * 1024);
  await mkdir(join(directory, 'mount'));
  const program = join(import.meta.dirname, 'fixtures/durable-writer.sh');
  const library = (await fuseCredentialsLibrary()) ?? '';
  const writer = join(import.meta.dirname, 'fixtures/durable-writer.ts');
  const child = spawn('unshare', ['--mount', '--propagation', 'private', '--', 'bash', program, directory, process.execPath, writer, library], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk) => (output += String(chunk)));
  child.stderr.on('data', (chunk) => (output += String(chunk)));
  const [code] = (await once(child, 'close')) as [number | null];
  assert.equal(code, 0, output);
  assert.match(output, /^new\.json: second$/m);
  assert.match(output, /^names: \.sync new\.json$/m);
  await rm(directory, { recursive: true, force: true });
});

test('a durable write leaves nothing beside the file', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'zw-atomic-'));
  await writeFileAtomically(join(directory, 'a'), 'x', { durable: true });
  await syncDirectory(directory);
  assert.deepEqual(await readdir(directory), ['a']);
  assert.equal(await readFile(join(directory, 'a'), 'utf8'), 'x');
  assert.equal((await run(['stat', '-c', '%a', join(directory, 'a')])).stdout.trim(), '600');
  await rm(directory, { recursive: true });
});
