import assert from 'node:assert/strict';
import { chown, lstat, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { JAIL_TARGET, jailed } from '../../host/jail/jail.ts';
import { run, type RunResult } from '../../host/run/run.ts';

const ID = 268435456;
let directory: string;
let target: string;

before(async () => {
  directory = await mkdtemp(join(process.env['ZONEWRIGHT_SANDBOX'] ?? '', 'jail-'));
  target = join(directory, 'target');
  await mkdir(target);
  await chown(target, ID, ID);
  await writeFile(join(directory, 'secret'), 'secret');
});
after(() => rm(directory, { recursive: true }));

const inside = (...argv: [string, ...string[]]): Promise<RunResult> => run(jailed(argv, { id: ID, writable: target }), { acceptExitCodes: [0, 1, 2, 32, 77] });

test('a jailed program writes to its one directory, as its id', async () => {
  assert.equal((await inside('touch', `${JAIL_TARGET}/file`)).exitCode, 0);
  const { uid, gid } = await lstat(join(target, 'file'));
  assert.deepEqual([uid, gid], [ID, ID]);
});

test('a jailed program has no capability and cannot gain any', async () => {
  const { stdout } = await inside('cat', '/proc/self/status');
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) assert.match(stdout, new RegExp(`^${set}:\\s0+$`, 'm'));
  assert.match(stdout, /^NoNewPrivs:\s1$/m);
});

test('a jailed program maps no other id of the host', async () => {
  assert.match((await inside('cat', '/proc/self/uid_map')).stdout, new RegExp(`^\\s*0\\s+${ID}\\s+1\\n$`));
});

test('a jailed program sees neither the host\'s files nor its processes nor its network', async () => {
  assert.notEqual((await inside('cat', join(directory, 'secret'))).exitCode, 0);
  assert.notEqual((await inside('ls', '/etc')).exitCode, 0);
  assert.notEqual((await inside('ls', '/root')).exitCode, 0);
  assert.equal((await inside('cat', '/proc/net/dev')).stdout.split('\n').filter((line) => line.includes(':')).length, 1);
  assert.doesNotMatch((await inside('ps', '-eo', 'args')).stdout, /zfs-fuse|--test/);
});

for (const [what, argv] of [
  ['write to the system', ['touch', '/usr/evil']],
  ['mount', ['mount', '-t', 'tmpfs', 'none', JAIL_TARGET]],
  ['make a device', ['mknod', `${JAIL_TARGET}/mem`, 'c', '1', '1']],
  ['give files away', ['chown', '1:1', `${JAIL_TARGET}/file`]],
] as const) {
  test(`a jailed program cannot ${what}`, async () => {
    assert.notEqual((await inside(...(argv as readonly string[] as [string, ...string[]]))).exitCode, 0);
  });
}

test('a jail needs an id of its own', () => {
  assert.throws(() => jailed(['true'], { id: 0 }), /not an id for a jail/);
});
