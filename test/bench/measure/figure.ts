import { ratios, relativeWidth, spreadOf, type Spread } from './statistics.ts';

export type Unit = 'ms' | 's' | '/s' | 'MB' | 'MiB' | 'MiB/s' | '%';

/** One thing that was measured for several contenders, in the same rounds. */
export interface Figure {
  readonly part: string;
  readonly what: string;
  readonly unit: Unit;
  /** Where on a curve it lies: zones, bytes, nodes. */
  readonly at?: number;
  /** What `at` counts, and so which figures make one curve. */
  readonly along?: string;
  /** The values of each contender, one for each round. */
  readonly series: Readonly<Record<string, readonly number[]>>;
  readonly comparisons?: readonly Comparison[];
  readonly remark?: string;
}

/** A goal of the project, as a ratio of two contenders or, without `over`, of the value itself. */
export interface Comparison {
  readonly of: string;
  readonly over?: string;
  readonly atMost?: number;
  readonly atLeast?: number;
}

export type Verdict = 'met' | 'missed' | 'too noisy' | '';

export interface Judged extends Comparison {
  readonly ratio: Spread;
  readonly verdict: Verdict;
}

/** Where the middle half of a ratio's rounds is wider than this share of it, and the goal lies inside it, nothing is said of it. */
export const WIDEST = 0.5;

/** Compare as the figure asks. Where the machine did other things too, or rounds differ too much, there is no verdict. */
export function judge(figure: Figure, isQuiet: boolean): Judged[] {
  return (figure.comparisons ?? []).map((comparison) => {
    const ours = figure.series[comparison.of] ?? [];
    const theirs = comparison.over === undefined ? undefined : (figure.series[comparison.over] ?? []);
    const ratio = spreadOf(theirs === undefined ? ours : ratios(ours, theirs));
    return { ...comparison, ratio, verdict: verdictOn(comparison, ratio, isQuiet) };
  });
}

function verdictOn({ atMost, atLeast }: Comparison, ratio: Spread, isQuiet: boolean): Verdict {
  if (atMost === undefined && atLeast === undefined) return '';
  const meets = (value: number): boolean => value <= (atMost ?? Infinity) && value >= (atLeast ?? -Infinity);
  const isDoubtful = relativeWidth(ratio) > WIDEST && meets(ratio.low) !== meets(ratio.high);
  if (!isQuiet || isDoubtful) return 'too noisy';
  return meets(ratio.median) ? 'met' : 'missed';
}
