import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { newKey } from '../cloudapi/serving.ts';
import { startTestHead, type TestHead } from '../support/head.ts';

const PROGRAM = join(import.meta.dirname, '../../../bin/zonewright.ts');
const keys = { good: newKey('ed25519'), second: newKey('ecdsa') };
let head: TestHead;
let directory: string;

before(async () => {
  head = await startTestHead();
  directory = await mkdtemp(join(tmpdir(), 'zonewright-keys-'));
  await writeFile(join(directory, 'good.pub'), `${keys.good.publicText}\n`);
  await writeFile(join(directory, 'second.pub'), keys.second.publicText);
  await writeFile(join(directory, 'private'), keys.good.privateText);
});
after(async () => {
  await head.close();
  await rm(directory, { recursive: true, force: true });
});

async function zonewright(...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  return await new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, 'head', ...args, '--data', head.directory], (error, stdout, stderr) => resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr }));
  });
}

async function ok(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await zonewright(...args);
  assert.equal(status, 0, stderr);
  return stdout.trimEnd();
}

test('an operator adds an account with keys, looks at them, and takes a key away', async () => {
  const uuid = await ok('account', 'add', 'alice', '--email', 'alice@example.com', '--first-name', 'Alice');
  assert.equal((JSON.parse(await ok('account', 'get', 'alice')) as { uuid: string }).uuid, uuid);
  assert.deepEqual((await ok('account', 'list')).split('\n').at(-1)?.split(/ {2,}/).slice(0, 4), [uuid, 'alice', 'alice@example.com', 'Alice']);
  assert.equal(await ok('key', 'add', 'alice', join(directory, 'good.pub')), keys.good.fingerprint);
  assert.equal(await ok('key', 'add', uuid, join(directory, 'second.pub'), '--name', 'other'), keys.second.fingerprint);
  assert.deepEqual((JSON.parse(await ok('key', 'list', 'alice', '-j')) as Array<{ name: string }>).map(({ name }) => name), ['ed25519@test', 'other']);
  await ok('key', 'delete', 'alice', 'other');
  assert.equal((JSON.parse(await ok('key', 'list', 'alice', '-j')) as unknown[]).length, 1);
});

test('an operator adds a package, and retires it', async () => {
  const uuid = await ok('package', 'add', 'small', '--ram', '256', '--disk', '10240', '--cpu', '50', '--vcpus', '1');
  const made = JSON.parse(await ok('package', 'get', uuid)) as Record<string, unknown>;
  assert.deepEqual([made['name'], made['version'], made['active'], made['max_physical_memory'], made['quota'], made['cpu_cap'], made['vcpus']], ['small', '1.0.0', true, 256, 10_240, 50, 1]);
  await ok('package', 'retire', uuid);
  assert.match(await ok('package', 'list'), /small +1\.0\.0 +false/);
});

/** Exit status, what the message says, and the words. */
const WRONG: ReadonlyArray<readonly [status: number, message: RegExp, ...args: string[]]> = [
  [1, /email/, 'account', 'add', 'bob'],
  [1, /login/, 'account', 'add', 'my', '--email', 'a@example.com'],
  [1, /account nobody was not found/, 'account', 'get', 'nobody'],
  [2, /account add: too many arguments/, 'account', 'add', 'a', 'b'],
  [1, /\/nonexistent cannot be read/, 'key', 'add', 'carol', '/nonexistent'],
  [1, /private key/, 'key', 'add', 'carol', 'private'],
  [1, /account nobody was not found/, 'key', 'add', 'nobody', 'good.pub'],
  [1, /quota: must be a multiple of 1024/, 'package', 'add', 'odd', '--ram', '256', '--disk', '10000'],
  [1, /max_physical_memory/, 'package', 'add', 'odd', '--ram', 'much', '--disk', '10240'],
  [1, /package .* was not found/, 'package', 'retire', '00000000-0000-4000-8000-000000000000'],
];

for (const [status, message, ...args] of WRONG) {
  test(`${args.join(' ')} is refused`, async () => {
    if (args[2] === 'carol') await zonewright('account', 'add', 'carol', '--email', 'carol@example.com');
    const refused = await zonewright(...args.map((arg) => (['private', 'good.pub'].includes(arg) ? join(directory, arg) : arg)));
    assert.equal(refused.status, status, refused.stderr);
    assert.match(refused.stderr, message);
    assert.equal(refused.stdout, '');
  });
}
