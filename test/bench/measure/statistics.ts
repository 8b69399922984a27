/** The middle of several values, and where the middle half of them lies. */
export interface Spread {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

/** Median and quartiles. @throws when there are no values */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new Error('nothing was measured');
  const sorted = values.toSorted((one, other) => one - other);
  return { low: quantile(sorted, 0.25), median: quantile(sorted, 0.5), high: quantile(sorted, 0.75) };
}

/** How wide the middle half is, as a share of the median. */
export function relativeWidth({ low, median, high }: Spread): number {
  return median === 0 ? 0 : (high - low) / Math.abs(median);
}

/** Of values measured in the same rounds: what one is of the other in each of them. */
export function ratios(of: readonly number[], over: readonly number[]): number[] {
  const rounds = Math.min(of.length, over.length);
  return Array.from({ length: rounds }, (_, round) => (of[round] ?? NaN) / (over[round] ?? NaN));
}

function quantile(sorted: readonly number[], share: number): number {
  const place = (sorted.length - 1) * share;
  const [below, above] = [sorted[Math.floor(place)] ?? NaN, sorted[Math.ceil(place)] ?? NaN];
  return below + (above - below) * (place - Math.floor(place));
}
