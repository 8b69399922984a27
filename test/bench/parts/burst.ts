/** Many zones at once: how many a second come up, with as many commands at a time as keep two processors busy. */
import { availableParallelism } from 'node:os';
import { floorZones, FLOOR } from '../contenders/floor.ts';
import { benchmarkLxd, LXD, openLxd, type Lxd } from '../contenders/lxd.ts';
import { benchNode, OURS, ourZones } from '../contenders/our-node.ts';
import { nextWish, requireAnswer, type ZonePeer, type ZoneWish } from '../contenders/zone.ts';
import { takeTurns, type Contender } from '../measure/rounds.ts';
import { roundsOf, type Session } from '../measure/session.ts';

const USUAL_ROUNDS = 3;

export async function measureBurst(session: Session): Promise<void> {
  const count = session.quick ? 10 : 50;
  const bench = await benchNode(session);
  const lxd = await openLxd(session);
  const contenders = [burstOf(ourZones(bench, OURS), count), burstOf(await floorZones(bench), count), lxdBenchmark(lxd, count)];
  const measured = await takeTurns(contenders, { rounds: roundsOf(session, USUAL_ROUNDS), warmUp: false }, session);
  session.figures.push(
    { part: 'burst', what: `${count} zones at once`, unit: '/s', series: measured['create'] ?? {}, comparisons: [{ of: OURS, over: LXD, atLeast: 6 }, { of: FLOOR, over: OURS }] },
    { part: 'burst', what: `${count} running zones deleted at once`, unit: '/s', series: measured['delete'] ?? {}, comparisons: [{ of: OURS, over: LXD }, { of: FLOOR, over: OURS }] },
  );
}

/** Do something to many, a few at a time. */
export async function fewAtATime<Item>(items: readonly Item[], work: (item: Item) => Promise<unknown>): Promise<void> {
  const queue = items.values();
  await Promise.all(
    Array.from({ length: 2 * availableParallelism() }, async () => {
      for (const item of queue) await work(item);
    }),
  );
}

function burstOf(peer: ZonePeer, count: number): Contender {
  return {
    name: peer.name,
    async measure() {
      const wishes = Array.from({ length: count }, nextWish);
      const create = await rate(wishes, (wish) => peer.create(wish));
      for (const wish of [wishes[0], wishes.at(-1)]) if (wish) await requireAnswer(peer, wish);
      return { create, delete: await rate(wishes, (wish) => peer.remove(wish)) };
    },
  };
}

/** LXD's own tool for this, with its own choice of how many at a time. */
function lxdBenchmark(lxd: Lxd, count: number): Contender {
  const rateOf = async (what: 'launch' | 'delete'): Promise<number> => (count * 1000) / (await benchmarkLxd(lxd, what, count));
  return { name: LXD, measure: async () => ({ create: await rateOf('launch'), delete: await rateOf('delete') }) };
}

async function rate(wishes: readonly ZoneWish[], work: (wish: ZoneWish) => Promise<number>): Promise<number> {
  const began = performance.now();
  await fewAtATime(wishes, work);
  return (wishes.length * 1000) / (performance.now() - began);
}
