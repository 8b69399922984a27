import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { test } from 'node:test';
import { newPlaces, newTurns } from '../../../agent/tasks/turns.ts';

test('places are taken first come, first served, and one that is given back twice counts once', async () => {
  const places = newPlaces(1);
  const order: number[] = [];
  const leave = await places.take();
  const waiting = [1, 2, 3].map(async (number) => {
    const mine = await places.take();
    order.push(number);
    return mine;
  });
  await nextTurn();
  assert.deepEqual(order, []);
  leave();
  leave();
  const first = await waiting[0];
  await nextTurn();
  assert.deepEqual(order, [1]);
  first?.();
  (await waiting[1])?.();
  (await waiting[2])?.();
  assert.deepEqual(order, [1, 2, 3]);
  (await places.take())();
});

test('a turn is waited for only by those of the same name', async () => {
  const turns = newTurns();
  const leave = await turns.take('one');
  (await turns.take('other'))();
  let came = false;
  const next = turns.take('one').then((mine) => {
    came = true;
    return mine;
  });
  await nextTurn();
  assert.equal(came, false);
  leave();
  (await next)();
  (await turns.take('one'))();
});
