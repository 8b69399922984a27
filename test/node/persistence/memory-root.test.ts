import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryRootAnswer } from '../../../node/doctor/checks/memory-root.ts';

const MIB = 256;

test('a root in memory that fills up is warned of before it is full', () => {
  assert.deepEqual(memoryRootAnswer({ blocks: 1000 * MIB, bavail: 200 * MIB, bsize: 4096 }), { state: 'ok', fact: 'in memory, 800 of 1000 MiB written' });
  const { state, remedy } = memoryRootAnswer({ blocks: 1000 * MIB, bavail: 199 * MIB, bsize: 4096 });
  assert.equal(state, 'limited');
  assert.match(remedy ?? '', /zonewright config lost/);
});
