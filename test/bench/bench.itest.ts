/**
 * The benchmark's short form: it fails where something has become ten times as expensive as it should be, measured against
 * what the same work costs in the same minute. Finer judgements need a quiet machine (`npm run bench`).
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { floorZones } from './contenders/floor.ts';
import { benchNode, ourZones, type BenchNode } from './contenders/our-node.ts';
import { nextWish, requireAnswer, type ZonePeer } from './contenders/zone.ts';
import { timed, timedOften } from './measure/command.ts';
import { spreadOf } from './measure/statistics.ts';
import type { Session } from './measure/session.ts';

const ROUNDS = 3;
/** A create costs two or three times the floor; ten times that is no noise. */
const MOST_OVER_FLOOR = 30;
const MOST_OVER_NODE = 25;

const endings: Array<() => Promise<unknown>> = [];
const session: Session = { rounds: ROUNDS, quick: true, scales: [1], postgres: false, calibrations: [], figures: [], progress: () => undefined, remark: () => undefined, onEnd: (work) => void endings.unshift(work) };
let bench: BenchNode;

before(async () => {
  bench = await benchNode(session);
});
after(async () => {
  for (const end of endings) await end();
});

async function medians(peer: ZonePeer): Promise<{ create: number; remove: number }> {
  const [creates, removes]: [number[], number[]] = [[], []];
  for (let round = 0; round <= ROUNDS; round++) {
    const wish = nextWish();
    creates.push(await peer.create(wish));
    await requireAnswer(peer, wish);
    removes.push(await peer.remove(wish));
  }
  return { create: spreadOf(creates.slice(1)).median, remove: spreadOf(removes.slice(1)).median };
}

test('a zone comes and goes within an order of magnitude of a clone, a veth and lxc-start', async () => {
  const [floor, ours] = [await medians(await floorZones(bench)), await medians(ourZones(bench, 'ours'))];
  assert.ok(ours.create < floor.create * MOST_OVER_FLOOR, `create: ${ours.create.toFixed(0)} ms, the floor: ${floor.create.toFixed(0)} ms`);
  assert.ok(ours.remove < floor.remove * MOST_OVER_FLOOR, `delete: ${ours.remove.toFixed(0)} ms, the floor: ${floor.remove.toFixed(0)} ms`);
});

test('a list by the agent costs a small multiple of a Node that does nothing', async () => {
  const list = { argv: bench.command('vmadm', 'list'), environment: bench.environment() } as const;
  await timed(list);
  const [node, ours] = [await timedOften({ argv: [process.execPath, '-e', '0'] }, 5), await timedOften(list, 5)];
  assert.ok(ours.cpu < node.cpu * MOST_OVER_NODE, `list: ${ours.cpu.toFixed(0)} ms of processor time, node: ${node.cpu.toFixed(0)} ms`);
});
