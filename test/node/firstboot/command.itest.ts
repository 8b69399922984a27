import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { run } from '../../../host/run/run.ts';

const ZONEWRIGHT = new URL('../../../bin/zonewright', import.meta.url).pathname;

let directory: string;

before(async () => {
  directory = await mkdtemp(join(process.env['ZONEWRIGHT_SANDBOX'] ?? '/nonexistent', 'install-'));
});
after(() => rm(directory, { recursive: true, force: true }));

async function install(answers: string, ...args: string[]) {
  const file = join(directory, 'answers.json');
  await writeFile(file, answers);
  return run([ZONEWRIGHT, 'install', '--answers', file, ...args], { acceptExitCodes: [0, 1, 2], environment: { ZONEWRIGHT_NODE: join(directory, 'node.json') } });
}

test('a host with a root on disk is not installed, and told what is meant for it', async () => {
  const { exitCode, stderr } = await install('{}');
  assert.equal(exitCode, 1);
  assert.match(stderr, /nothing was installed: this host was not booted from a platform image\n.*zonewright setup/);
});

/** Files of answers that are wrong, and what a dry run says about them. */
const WRONG: ReadonlyArray<readonly [answers: string, message: RegExp]> = [
  ['{ "role": "head"', /answers\.json cannot be used: it is not JSON/],
  ['{ "role": "boss" }', /role = "boss": must be "standalone", "head" or "node"/],
  ['{ "role": "standalone", "confirm": true }', /do not say admin_ip, disks, root_password, root_password_hash or root_authorized_keys/],
];

for (const [answers, message] of WRONG) {
  test(`a dry run of ${answers} says what is wrong with it`, async () => {
    const { exitCode, stdout, stderr } = await install(answers, '--dry-run');
    assert.deepEqual([exitCode, stdout], [1, '']);
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /\n\s+at /);
  });
}

test('answers that leave something open end when there is nobody to ask', async () => {
  const { exitCode, stdout, stderr } = await install('{ "role": "standalone" }', '--dry-run');
  assert.equal(exitCode, 1);
  assert.match(stdout, /What shall this machine be\?/);
  assert.match(stderr, /nothing was installed: there was nobody to ask/);
});
