/** From `create` to a running zone with network, and from a running zone to nothing. */
import { floorZones, FLOOR } from '../contenders/floor.ts';
import { LXD, openLxd } from '../contenders/lxd.ts';
import { benchNode, OURS, OURS_ALONE, ourZones, WITHOUT_AGENT } from '../contenders/our-node.ts';
import { PLAIN_LXC, plainLxcZones } from '../contenders/plain-lxc.ts';
import { PODMAN, podmanZones } from '../contenders/podman.ts';
import { nextWish, requireAnswer, type Root, type ZonePeer } from '../contenders/zone.ts';
import type { Comparison, Figure } from '../measure/figure.ts';
import { takeTurns, type Contender } from '../measure/rounds.ts';
import { roundsOf, scoped, type Session } from '../measure/session.ts';

const USUAL_ROUNDS = 8;

/** Both verbs are measured in one go; each command shows its own, `all` both. */
export async function measureZones(session: Session, verbs: ReadonlyArray<'create' | 'delete'>): Promise<void> {
  const roots: readonly Root[] = session.quick ? ['minimal'] : ['minimal', 'debian'];
  for (const root of roots) await scoped(session, (own) => measureRoot(own, root, verbs));
}

async function measureRoot(session: Session, root: Root, verbs: ReadonlyArray<'create' | 'delete'>): Promise<void> {
  const bench = await benchNode(session, { root });
  const peers = [await floorZones(bench), ourZones(bench, OURS), ourZones(bench, OURS_ALONE, WITHOUT_AGENT), (await openLxd(session, root)).zones, await podmanZones(session, root), await plainLxcZones(session, root)];
  const measured = await takeTurns(peers.map(contenderOf), { rounds: roundsOf(session, USUAL_ROUNDS) }, session);
  for (const verb of verbs) session.figures.push(figureOf(verb, root, measured[verb] ?? {}));
}

function contenderOf(peer: ZonePeer): Contender {
  return {
    name: peer.name,
    async measure() {
      const wish = nextWish();
      const create = await peer.create(wish);
      await requireAnswer(peer, wish);
      return { create, delete: await peer.remove(wish) };
    },
  };
}

const ROOTS: Readonly<Record<Root, string>> = { minimal: 'a BusyBox', debian: 'a Debian' };

function figureOf(verb: 'create' | 'delete', root: Root, series: Figure['series']): Figure {
  const what = verb === 'create' ? `create of ${ROOTS[root]} → running, with network` : `delete of ${ROOTS[root]} that runs`;
  const goals: Comparison[] = verb === 'create' ? [{ of: OURS, over: FLOOR, atMost: 2 }, { of: LXD, over: OURS, atLeast: 6 }] : [{ of: OURS, over: FLOOR }, { of: LXD, over: OURS, atLeast: 5 }];
  return { part: verb, what, unit: 'ms', series, comparisons: [...goals, { of: OURS_ALONE, over: FLOOR }, { of: PODMAN, over: OURS }, { of: PLAIN_LXC, over: OURS }] };
}
