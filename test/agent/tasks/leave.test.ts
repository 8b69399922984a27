import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newLeaving } from '../../../agent/tasks/leave.ts';
import { silentLog } from '../../support/task-contract.ts';

function tasks() {
  const idle = Promise.withResolvers<void>();
  const said: string[] = [];
  return { idle: idle.resolve, said, of: () => ({ pause: () => void said.push('pause'), resume: () => void said.push('resume'), idle: () => idle.promise }) };
}

test('a node reboots once, when the tasks that run have ended', async () => {
  const { idle, said, of } = tasks();
  const rebooted = Promise.withResolvers<void>();
  const leave = newLeaving({ tasks: of, log: silentLog(), reboot: async () => void (said.push('reboot'), rebooted.resolve()) });
  leave();
  leave();
  assert.deepEqual(said, ['pause']);
  idle();
  await rebooted.promise;
  leave();
  assert.deepEqual(said, ['pause', 'reboot']);
});

test('a node does not wait for ever for a task', async () => {
  const rebooted = Promise.withResolvers<void>();
  newLeaving({ tasks: tasks().of, log: silentLog(), reboot: async () => rebooted.resolve(), patienceMilliseconds: 1 })();
  await rebooted.promise;
});

test('a node that cannot reboot takes tasks again, and can be asked again', async () => {
  const { idle, said, of } = tasks();
  const resumed = Promise.withResolvers<void>();
  const leave = newLeaving({ tasks: () => ({ ...of(), resume: resumed.resolve }), log: silentLog(), reboot: () => Promise.reject(new Error('no init')) });
  idle();
  leave();
  await resumed.promise;
  leave();
  assert.deepEqual(said, ['pause', 'pause']);
});
