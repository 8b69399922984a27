import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newEventRing } from '../../agent/events/ring.ts';
import { isErrorCode } from '../../host/errors/errors.ts';

const event = (uuid: string) => ({ type: 'delete' as const, date: '2026-01-01T00:00:00.000Z', zonename: uuid, uuid });
const gone = (error: unknown): boolean => isErrorCode(error, 'EventsGone');

test('what is after a cursor comes once, in order', () => {
  const ring = newEventRing();
  const start = ring.cursor();
  for (const uuid of ['a', 'b', 'c']) ring.add(event(uuid));
  const events = ring.after(start);
  assert.deepEqual(events.map(({ uuid }) => uuid), ['a', 'b', 'c']);
  assert.deepEqual(ring.after(events[0]?.cursor ?? '').map(({ uuid }) => uuid), ['b', 'c']);
  assert.deepEqual(ring.after(ring.cursor()), []);
});

test('the ring is bounded by number and by bytes, and a cursor before what is kept is refused', () => {
  const few = newEventRing({ most: 3 });
  const start = few.cursor();
  for (const uuid of ['a', 'b', 'c']) few.add(event(uuid));
  assert.equal(few.after(start).length, 3);
  few.add(event('d'));
  assert.throws(() => few.after(start), gone);
  const small = newEventRing({ mostBytes: 1000 });
  const before = small.cursor();
  for (let count = 0; count < 100; count++) small.add(event('x'.repeat(100)));
  assert.throws(() => small.after(before), gone);
});

for (const cursor of ['', 'x', '0', ':1', `${'0'.repeat(36)}:0`, '../../etc', `${'a'.repeat(36)}:99999999999999999999`]) {
  test(`the cursor ${JSON.stringify(cursor)} is refused`, () => assert.throws(() => newEventRing().after(cursor), gone));
}

test('a cursor that lies ahead is refused', () => {
  const ring = newEventRing();
  ring.add(event('a'));
  const ahead = ring.cursor().replace(/:1$/, ':2');
  assert.throws(() => ring.after(ahead), gone);
});
