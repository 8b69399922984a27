/** From 0 up to, not including, 1. */
export type Random = () => number;

/** Chance that repeats itself: the same numbers for the same seed (a linear congruential generator). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
