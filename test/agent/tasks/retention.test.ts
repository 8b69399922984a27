import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TaskRecord } from '../../../agent/tasks/record.ts';
import { keepWithinBounds } from '../../../agent/tasks/retention.ts';

test('old tasks make room: too many, too large, too old; never one that is active', async () => {
  const now = Date.now();
  const record = (index: number, more: Partial<TaskRecord> = {}): TaskRecord =>
    ({ id: String(index), status: 'complete', acceptedAt: new Date(now).toISOString(), finishedAt: new Date(now).toISOString(), ...more }) as TaskRecord;
  const removedOf = async (records: readonly TaskRecord[]): Promise<string[]> => {
    const removed: string[] = [];
    await keepWithinBounds(records, async (id) => void removed.push(id), now);
    return removed;
  };
  assert.deepEqual(await removedOf(Array.from({ length: 1002 }, (_, index) => record(index, index === 0 ? { status: 'active' } : {}))), ['1']);
  assert.deepEqual(await removedOf([record(1, { finishedAt: new Date(now - 8 * 86_400_000).toISOString() }), record(2)]), ['1']);
  const large = { result: { stdout: 'x'.repeat(40 * 1024 * 1024) } };
  assert.deepEqual(await removedOf([record(1, large), record(2, large)]), ['1']);
});
