import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readNote } from '../../../node/platform/running-instances.ts';
import { cli } from '../../support/cli.ts';
import { newSigningKey, scratchDirectory, smallPlatform, stamp } from '../../support/platform-image.ts';
import { scratchNode, type ScratchNode } from '../../support/scratch-node.ts';

let node: ScratchNode;
let directory: string;
before(async () => {
  node = await scratchNode({ megabytes: 512 });
  directory = await scratchDirectory();
  const key = newSigningKey();
  await writeFile(join(directory, 'key.pem'), key.publicPem);
  await cli(node, 'zonewright', ['platform', 'key', 'add', join(directory, 'key.pem')]);
  await cli(node, 'piadm', ['install', await smallPlatform(directory, stamp(2), key)]);
});
after(async () => {
  await node.remove();
  await rm(directory, { recursive: true, force: true });
});

test('a key is listed with where it comes from, and added only once', async () => {
  assert.match((await cli(node, 'zonewright', ['platform', 'key', 'list'])).stdout, /^[0-9a-f]{16} +[0-9a-f]{16} +added$/m);
  const again = await cli(node, 'zonewright', ['platform', 'key', 'add', join(directory, 'key.pem')]);
  assert.equal(again.status, 1);
  assert.match(again.stderr, /is trusted already/);
});

test('status says what this host is', async () => {
  const { status, stdout } = await cli(node, 'zonewright', ['platform', 'status']);
  assert.equal(status, 0);
  assert.match(stdout, /does not run from memory\nnext boot  not from the disks of the pool/);
});

test('what runs is noted for the next boot', async () => {
  assert.deepEqual(await cli(node, 'zonewright', ['platform', 'going-down']).then(({ status, stdout }) => [status, stdout]), [0, '0 run\n']);
  assert.deepEqual(await readNote(node), []);
  assert.equal(await readNote(node, '2999-01-01T00:00:00.000Z'), undefined);
});

test('judging a host that does not run from memory does nothing', async () => {
  assert.deepEqual(await cli(node, 'zonewright', ['platform', 'judge']).then(({ status, stdout }) => [status, stdout]), [0, '']);
});

const MISTAKES: ReadonlyArray<readonly [args: readonly string[], status: number, message: RegExp]> = [
  [['remove', stamp(30)], 1, /is not installed/],
  [['remove', '../..'], 2, /"\.\.\/\.\." is not the version of a platform image/],
  [['activate', 'latest'], 2, /is not the version/],
  [['activate', stamp(2)], 1, /has no boot partitions/],
  [['activate', stamp(2), 'tank'], 2, /not in "tank"/],
  [['activate', stamp(2), '--trial-seconds', '5'], 2, /--trial-seconds/],
  [['bootable', '-r'], 1, /has no boot partitions/],
  [['bootable', '-d'], 2, /not possible/],
  [['install', 'latest'], 1, /joined no head node/],
  [['avail'], 1, /joined no head node/],
  [['avail', '--source', 'file:///'], 2, /not an http or https URL/],
  [['frobnicate'], 2, /unknown command/],
];

for (const [args, status, message] of MISTAKES) {
  test(`platform ${args.join(' ')} ends with ${status}`, async () => {
    const answer = await cli(node, 'piadm', args);
    assert.equal(answer.status, status, answer.stderr);
    assert.match(answer.stderr, message);
    assert.doesNotMatch(answer.stderr, /\n\s+at /);
  });
}
