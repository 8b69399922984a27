import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freeBlock } from '../../node/setup/steps/uid-ranges.ts';

const FIRST = { first: 268_435_456, count: 1_073_741_824 };

test('zones get the first block when nobody has ids there', () => {
  assert.deepEqual(freeBlock(['', '']), FIRST);
  assert.deepEqual(freeBlock(['user:100000:65536\n', 'user:100000:65536\n']), FIRST);
});

test('a line that gives root exactly this block is ours from an earlier setup', () => {
  assert.deepEqual(freeBlock(['root:268435456:1073741824\n', '']), FIRST);
});

test("another program's range of root is in the way like anybody's", () => {
  assert.deepEqual(freeBlock(['root:1000000:1000000000\n', '']), { first: 1_073_741_824, count: 1_073_741_824 });
});

test('one id in /etc/subgid alone is enough to be in the way', () => {
  assert.notDeepEqual(freeBlock(['', 'user:268435456:1']), FIRST);
});

test('a smaller block is taken where no large one is left', () => {
  const block = freeBlock(['a:268435456:65536\nb:1073741824:65536\n']);
  assert.deepEqual(block, { first: 1_342_177_280, count: 536_870_912 });
});

test('no block is found where everything is given away', () => {
  assert.equal(freeBlock(['a:0:4294967295']), undefined);
});

test('lines that are no ranges are nobody’s', () => {
  assert.deepEqual(freeBlock(['# comment\n\nuser:x:y\nuser\n']), FIRST);
});
