import { calibrate } from './noise.ts';
import type { Session } from './session.ts';

/** Values of one contender in one round, by what was measured. */
export type Sample = Readonly<Record<string, number>>;

export interface Contender {
  readonly name: string;
  /** Do it once. Round 0 warms up what is measured, and does not count. */
  measure(round: number): Promise<Sample>;
}

/** What each contender took: by what was measured, then by contender, a value for each round. */
export type Measured = Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;

/**
 * Let contenders take turns, in another order each round, so that whatever slows the machine down slows all of them down.
 */
export async function takeTurns(contenders: readonly Contender[], { rounds, warmUp = true }: { readonly rounds: number; readonly warmUp?: boolean }, session: Session): Promise<Measured> {
  const measured: Record<string, Record<string, number[]>> = {};
  for (let round = warmUp ? 0 : 1; round <= rounds; round++) {
    session.calibrations.push(calibrate());
    for (const contender of rotated(contenders, round)) {
      session.progress(`round ${round} of ${rounds}: ${contender.name}`);
      const sample = await contender.measure(round);
      if (round === 0) continue;
      for (const [what, value] of Object.entries(sample)) ((measured[what] ??= {})[contender.name] ??= []).push(value);
    }
  }
  return measured;
}

function rotated<Item>(items: readonly Item[], by: number): Item[] {
  const first = by % Math.max(1, items.length);
  return [...items.slice(first), ...items.slice(0, first)];
}
