/**
 * Which server takes a VM: filters, then scores, then a reservation on the best one.
 *
 * The choice is made from what this process knows; the reservation is made under the lock of that one server's row, after
 * looking again at what is reserved there. When another process was quicker the choice is made anew with what it did.
 */
import type { Database } from '../db/database.ts';
import { headErrors } from '../errors.ts';
import type { Allocation, Placement, Server, Servers } from '../services.ts';
import { newTurns } from '../turns.ts';
import { candidateOf, capacityOf, DEFAULT_RATIOS, standingOf, type Candidate, type Reservation, type Standing } from './capacity.ts';
import { choose, refusalOf, type Rules } from './choose.ts';
import { DEFAULT_LIMITS } from './filters.ts';
import { needOf, type Need, type Resources } from './need.ts';
import type { Random } from './random.ts';
import { allReservations, noteReport, prolong, release, reserve } from './reservations.ts';

export interface PlacementOptions {
  readonly db: Database;
  readonly servers: Pick<Servers, 'list' | 'onReport'>;
  /** The most VMs of a server; 224 unless given. */
  readonly mostVms?: number;
  /** Overprovisioning of servers that say nothing of their own. */
  readonly ratios?: Resources;
  /** Weights of scores by their names: negative ones pack where positive ones spread. */
  readonly weights?: Readonly<Record<string, number>>;
  readonly random?: Random;
}

/** What placement offers to its own routes beside what others need. */
export interface OpenPlacement extends Placement {
  /** The choice and its explanation, with nothing reserved. @throws InvalidArgument */
  explain(request: AllocateRequest): Promise<Allocation>;
  /** As `allocate`, for a time of the caller's own. */
  allocateFor(request: AllocateRequest, seconds: number): Promise<Allocation>;
}

export type AllocateRequest = Parameters<Placement['allocate']>[0];

/** Longer than any create may take (§3.3). */
const RESERVATION_SECONDS = 2 * 60 * 60;
/** So often it is looked for a better server when another process has taken the best one meanwhile. */
const ROUNDS_FOR_THE_BEST = 3;
const MOST_ROUNDS = 100;

export function openPlacement({ db, servers, mostVms = DEFAULT_LIMITS.vmCount, ratios = DEFAULT_RATIOS, weights, random = Math.random }: PlacementOptions): OpenPlacement {
  const rules: Rules = { limits: { vmCount: mostVms }, random, weights };
  const candidates = new WeakMap<Server, Candidate>();
  const candidate = (server: Server): Candidate => {
    const made = candidates.get(server) ?? candidateOf(server, ratios);
    candidates.set(server, made);
    return made;
  };
  const turns = newTurns();
  servers.onReport(async (report) => await noteReport(db, report));

  const look = async (need: Need): Promise<Look> => {
    // In this order: a VM that is reported in between is in both, never in neither.
    const reservations = await allReservations(db);
    const known = await servers.list();
    const byServer = Map.groupBy(reservations, ({ serverUuid }) => serverUuid);
    return { known, reservations, byServer, standings: known.map((server) => standingOf(candidate(server), byServer.get(server.uuid) ?? [], need.owner)) };
  };
  const allocateFor = async (request: AllocateRequest, seconds: number): Promise<Allocation> => {
    const need = needOf(request);
    const { vmUuid } = need;
    if (vmUuid === undefined) throw headErrors.InvalidArgument({ reason: 'vm.uuid is required' });
    // Each sees what the one before has reserved, and chooses once.
    return await turns.take('allocate', async () => {
      for (let round = 1; round <= MOST_ROUNDS; round += 1) {
        const view = await look(need);
        const held = view.reservations.find((one) => one.vmUuid === vmUuid);
        const server = held && serverOf(held, view.known, need);
        if (server) {
          await prolong(db, vmUuid, seconds);
          return { server, steps: [{ step: 'reserved-before', remaining: [server.uuid] }] };
        }
        // Its server is not known any more.
        if (held) await release(db, vmUuid);
        const { best, steps } = choose(view.standings, need, rules);
        if (!best) return { server: undefined, steps };
        const outcome = await reserve(db, best.candidate.server.uuid, { need: { ...need, vmUuid }, seconds, judge: (rows) => judge(best, rows, { need, view, rules, mayWait: round < ROUNDS_FOR_THE_BEST }) });
        if (outcome === 'reserved') return { server: best.candidate.server, steps };
      }
      throw new Error(`no place for ${vmUuid} was kept in ${MOST_ROUNDS} rounds`);
    });
  };
  return {
    allocate: (request) => allocateFor(request, RESERVATION_SECONDS),
    allocateFor,
    async explain(request) {
      const need = needOf(request);
      const { best, steps } = choose((await look(need)).standings, need, rules);
      return { server: best?.candidate.server, steps };
    },
    async hold({ vm, image }, serverUuid) {
      const need = needOf({ vm, image, nicTags: [] });
      const { vmUuid } = need;
      if (vmUuid === undefined) throw headErrors.InvalidArgument({ reason: 'vm.uuid is required' });
      await reserve(db, serverUuid, { need: { ...need, vmUuid }, seconds: RESERVATION_SECONDS, judge: () => undefined });
    },
    release: (vmUuid) => release(db, vmUuid),
    async capacity(wanted) {
      const reservations = Map.groupBy(await allReservations(db), ({ serverUuid }) => serverUuid);
      const known = new Map((await servers.list()).map((server) => [server.uuid, server]));
      const asked = wanted ?? [...known.keys()];
      const found = asked.flatMap((uuid) => known.get(uuid) ?? []);
      return {
        capacities: Object.fromEntries(found.map((server) => [server.uuid, capacityOf(standingOf(candidate(server), reservations.get(server.uuid) ?? []))])),
        errors: Object.fromEntries(asked.filter((uuid) => !known.has(uuid)).map((uuid) => [uuid, `server ${uuid} was not found`])),
      };
    },
  };
}

interface Look {
  readonly known: readonly Server[];
  readonly reservations: readonly Reservation[];
  readonly byServer: ReadonlyMap<string, readonly Reservation[]>;
  readonly standings: readonly Standing[];
}

/** The server of a place that was promised before; undefined when it was forgotten since. @throws InvalidArgument when another one is wanted now */
function serverOf({ vmUuid, serverUuid }: Reservation, known: readonly Server[], { servers }: Need): Server | undefined {
  if (servers && !servers.has(serverUuid)) throw headErrors.InvalidArgument({ reason: `VM ${vmUuid} has a place on server ${serverUuid} already; release it to have another one` });
  return known.find(({ uuid }) => uuid === serverUuid);
}

/**
 * Look again at the chosen server, its row being locked. What was known before counts too: a reservation may have ended since
 * because its VM was reported, and the report is not in this view of the server.
 */
function judge({ candidate }: Standing, rows: readonly Reservation[], { need, view, rules, mayWait }: { readonly need: Need; readonly view: Look; readonly rules: Rules; readonly mayWait: boolean }): string | undefined {
  const before = view.byServer.get(candidate.server.uuid) ?? [];
  const others = rows.filter(({ vmUuid }) => !before.some((one) => one.vmUuid === vmUuid));
  if (others.length > 0 && mayWait) return 'others were reserved there meanwhile';
  return refusalOf(standingOf(candidate, [...before, ...others], need.owner), need, rules.limits);
}
