import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Sysinfo } from '../../../agent/wire/index.ts';
import { enrol } from '../../../node/enrol/enrol.ts';
import { ask, nodeWith, startTestHead, sysinfoOf, until, type TestHead } from '../support/head.ts';

const PROGRAM = join(import.meta.dirname, '../../../bin/zonewright.ts');
const HASH = '$6$abcdefgh$ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./ABCDEFGHIJKLMNOPQRSTUV';
let head: TestHead;

before(async () => void (head = await startTestHead()));
after(async () => await head.close());

async function zonewright(...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  return await new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, 'head', 'setup', ...args, '--data', head.directory], (error, stdout, stderr) => resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr }));
  });
}

test('an operator sees who asks, compares the key with the console’s, and lets the machine become a node', async () => {
  const uuid = randomUUID();
  const lines: string[] = [];
  const sysinfo = { ...sysinfoOf(uuid), Setup: 'false', Disks: { sda: { 'Size in GB': 10 } } } as unknown as Sysinfo;
  const asking = enrol({ head: { heads: [head.adminUrl], ca_sha256: head.running.head.pki.caFingerprint }, report: (line) => void lines.push(line), sysinfo: async () => sysinfo, retryMilliseconds: 100 });
  await until(() => lines.some((line) => line.startsWith('waiting for approval')));
  const { stdout } = await zonewright();
  const row = stdout.split('\n').find((line) => line.startsWith(uuid)) ?? '';
  const [fingerprint = ''] = /([0-9a-f]{4}-){7}[0-9a-f]{4}/.exec(row) ?? [];
  assert.ok(lines[0]?.endsWith(fingerprint) && fingerprint !== '', `${lines[0]}\n${stdout}`);

  const wrong = await zonewright(uuid, '--fingerprint', '0000-0000-0000-0000-0000-0000-0000-0000');
  assert.deepEqual([wrong.status, wrong.stderr.includes(fingerprint)], [1, true], wrong.stderr);
  const hash = join(head.directory, 'hash');
  await writeFile(hash, `${HASH}\n`);
  const waiting = zonewright(uuid, '--fingerprint', fingerprint, '--hostname', 'n1', '--disk', 'sda', '--layout', 'single', '--password-hash-file', hash, '--wait');
  const { identity, setup } = await asking;
  assert.deepEqual(setup, { hostname: 'n1', disks: ['sda'], layout: 'single', root_shadow: HASH, authorized_keys: [] });
  const node = nodeWith({ ...identity, adminUrl: head.adminUrl });
  await node.say('POST', `/servers/${uuid}/sysinfo`, { sysinfo: sysinfoOf(uuid) });
  // A server that is not heard any more is not waited for.
  const beating = setInterval(() => void node.say('POST', `/servers/${uuid}/events/heartbeat`, {}), 500);
  const done = await waiting;
  clearInterval(beating);
  assert.deepEqual([done.status, done.stdout], [0, `Server ${uuid} is set up.\n`], done.stderr);
  assert.equal((await zonewright(uuid)).stdout, `Server ${uuid} is set up.\n`);
  assert.equal((await ask(`${head.url}/servers/${uuid}`, 'GET')).status, 200);
  await node.close();
});

test('a machine that does not ask cannot be let in', async () => {
  const { status, stderr } = await zonewright(randomUUID());
  assert.deepEqual([status, /was not found/.test(stderr)], [1, true], stderr);
});
