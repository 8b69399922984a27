import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newTurns } from '../../headnode/turns.ts';

test('work of one key is done in the order in which it was asked for, also after some has failed; other keys do not wait', async () => {
  const turns = newTurns();
  const done: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = turns.take('a', async () => {
    await gate.promise;
    done.push('a1');
    throw new Error('failed');
  });
  const second = turns.take('a', async () => void done.push('a2'));
  const other = turns.take('b', async () => void done.push('b1'));
  await other;
  assert.deepEqual(done, ['b1']);
  gate.resolve();
  await assert.rejects(first, /failed/);
  await second;
  assert.deepEqual(done, ['b1', 'a1', 'a2']);
  assert.equal(await turns.take('a', async () => 7), 7);
});
