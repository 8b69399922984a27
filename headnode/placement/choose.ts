/** Filters and scores over all servers, and the explanation of what they did. Pure: nothing is reserved here. */
import type { Allocation } from '../services.ts';
import type { Standing } from './capacity.ts';
import { FILTERS, type Limits } from './filters.ts';
import type { Need } from './need.ts';
import type { Random } from './random.ts';
import { SCORES, type Score } from './scores.ts';

export interface Rules {
  readonly limits: Limits;
  readonly random: Random;
  /** Weights by the names of scores, in place of their own. */
  readonly weights?: Readonly<Record<string, number>> | undefined;
}

export interface Choice {
  /** Undefined when no server qualifies. */
  readonly best: Standing | undefined;
  readonly steps: Allocation['steps'];
}

type Step = Allocation['steps'][number];

export function choose(standings: readonly Standing[], need: Need, rules: Rules): Choice {
  const steps: Step[] = [{ step: 'received', remaining: uuidsOf(standings) }];
  let remaining = standings;
  for (const filter of FILTERS) {
    const reasons: Record<string, string> = {};
    const kept = remaining.filter((standing) => {
      const reason = filter.refuse(standing, need, rules.limits);
      if (reason !== undefined) reasons[standing.candidate.server.uuid] = reason;
      return reason === undefined;
    });
    if (!filter.soft || kept.length > 0) remaining = kept;
    steps.push(stepOf(filter.name, remaining, reasons));
  }
  if (remaining.length === 0) return { best: undefined, steps };
  const points = new Map(remaining.map((standing) => [standing, 0]));
  for (const score of SCORES) steps.push(scoreAll(score, { points, need, weight: rules.weights?.[score.name] ?? score.weight }));
  const best = pick(points, rules.random);
  return { best, steps: [...steps, stepOf('pick', [best], {})] };
}

/** Why a server that qualified before does not any more, by the hard rules alone. */
export function refusalOf(standing: Standing, need: Need, limits: Limits): string | undefined {
  for (const { soft, refuse } of FILTERS) {
    const reason = soft ? undefined : refuse(standing, need, limits);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** Linear by rank: equal measures have equal points, whatever lies between two different ones. */
function scoreAll({ name, measure }: Score, { points, need, weight }: { readonly points: Map<Standing, number>; readonly need: Need; readonly weight: number }): Step {
  const measures = new Map([...points.keys()].map((standing) => [standing, measure(standing, need)]));
  const values = [...new Set(measures.values())].sort(ascending);
  if (weight < 0) values.reverse();
  const gains = new Map(values.map((value, rank) => [value, values.length === 1 ? 0 : (Math.abs(weight) * rank) / (values.length - 1)]));
  const words = new Map([...gains].map(([value, gained]) => [value, `${value}: ${gained.toFixed(2)} points`]));
  const reasons: Record<string, string> = {};
  for (const [standing, value] of measures) {
    points.set(standing, (points.get(standing) ?? 0) + (gains.get(value) ?? 0));
    if (values.length > 1) reasons[standing.candidate.server.uuid] = words.get(value) ?? '';
  }
  return stepOf(name, [...points.keys()], reasons);
}

function ascending(one: number | string, other: number | string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** The one with the most points; among equals chance decides, so that they fill evenly. */
function pick(points: ReadonlyMap<Standing, number>, random: Random): Standing {
  const most = Math.max(...points.values());
  const equals = [...points].filter(([, value]) => value > most - 1e-9).map(([standing]) => standing);
  const chosen = equals[Math.floor(random() * equals.length)];
  if (!chosen) throw new Error('nothing to pick from');
  return chosen;
}

function stepOf(step: string, remaining: readonly Standing[], reasons: Readonly<Record<string, string>>): Step {
  return { step, remaining: uuidsOf(remaining), ...(Object.keys(reasons).length > 0 && { reasons }) };
}

function uuidsOf(standings: readonly Standing[]): string[] {
  return standings.map(({ candidate }) => candidate.server.uuid);
}
