/** The simulation of a fleet, small: what `npm run simulate` measures must come true at any size. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { openFleet, type Fleet } from '../../scripts/simulate/fleet.ts';
import { measure } from '../../scripts/simulate/measure.ts';

let fleet: Fleet;
before(async () => void (fleet = await openFleet({ postgres: false })));
after(async () => await fleet.close());

it('simulated agents join a head process, do tasks, and are missed when they die', { timeout: 300_000 }, async () => {
  const lines: string[] = [];
  await measure(fleet, { nodes: 8, seconds: 6, say: (line) => lines.push(line) });
  const said = lines.join('\n');
  assert.match(said, /^8 nodes joined in /m);
  assert.match(said, /^ {2}heartbeat +\d+ ×/m);
  assert.match(said, /^a task on each of 8 nodes/m);
  assert.match(said, /^1 nodes died at once: all of them unknown after /m);
  const servers = await fleet.ask<Array<{ uuid: string }>>('GET', '/servers');
  assert.equal(servers.length, 8);
});
