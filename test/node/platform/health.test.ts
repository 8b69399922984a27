import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notRunning } from '../../../node/platform/health.ts';
import { runningOf } from '../../../node/platform/running-instances.ts';
import type { VmObject } from '../../../vmadm/engine.ts';

const vm = (uuid: string, state: string, autoboot = true): VmObject => ({ uuid, state, autoboot }) as never;

test('what ran and boots with the node must run again', () => {
  assert.deepEqual(notRunning([vm('a', 'running'), vm('b', 'stopped'), vm('c', 'failed')], ['a', 'b']), ['instance b is stopped']);
});

test('what was deleted since, did not run before, or was told not to boot is not missed', () => {
  assert.deepEqual(notRunning([vm('a', 'running'), vm('c', 'stopped'), vm('d', 'stopped', false)], ['a', 'gone', 'd']), []);
});

test('without a record all that boots with the node must run', () => {
  assert.deepEqual(notRunning([vm('a', 'running'), vm('b', 'stopped'), vm('c', 'stopped', false)], undefined), ['instance b is stopped']);
});

test('only what runs and boots with the node is recorded', () => {
  assert.deepEqual(runningOf([vm('a', 'running'), vm('b', 'stopped'), vm('c', 'running', false)]), ['a']);
});
