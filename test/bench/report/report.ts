import { judge, type Comparison, type Figure, type Judged } from '../measure/figure.ts';
import type { Noise } from '../measure/noise.ts';
import { spreadOf, type Spread } from '../measure/statistics.ts';
import type { HostFacts } from './host-facts.ts';

/** A run's results, as `bench.json` has them. */
export interface Report {
  readonly began: string;
  readonly facts: HostFacts;
  readonly noise: Noise;
  readonly figures: readonly ReportedFigure[];
  readonly remarks: readonly string[];
  readonly failures: readonly string[];
}

export interface ReportedFigure extends Figure {
  readonly spreads: Readonly<Record<string, Spread>>;
  readonly judged: readonly Judged[];
}

interface Run extends Omit<Report, 'began' | 'figures'> {
  readonly began: Date;
  readonly figures: readonly Figure[];
}

/** Judge what was measured. */
export function reportOf({ began, figures, ...run }: Run): Report {
  return { began: began.toISOString(), ...run, figures: figures.map((figure) => reported(figure, run.noise.isQuiet)) };
}

/** What a comparison is compared with, in words. */
export function nameOf({ of, over }: Comparison): string {
  return over === undefined ? of : `${of} ÷ ${over}`;
}

/** What a comparison's ratio should be, in words. */
export function goalOf({ atMost, atLeast }: Comparison): string {
  return [...(atMost === undefined ? [] : [`≤ ${atMost}`]), ...(atLeast === undefined ? [] : [`≥ ${atLeast}`])].join(', ');
}

/** A number with about three digits. */
export function short(value: number): string {
  const size = Math.abs(value);
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** What a figure is of, with its place on its curve. */
export function titleOf({ what, at, along }: Figure): string {
  return at === undefined ? what : `${what}, ${at.toLocaleString('en')} ${along ?? ''}`;
}

function reported(figure: Figure, isQuiet: boolean): ReportedFigure {
  return { ...figure, spreads: Object.fromEntries(Object.entries(figure.series).map(([name, values]) => [name, spreadOf(values)])), judged: judge(figure, isQuiet) };
}
