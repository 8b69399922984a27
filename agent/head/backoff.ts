/** Pauses between attempts: each 1.6 times the one before, a fifth more or less by chance, from half a second up to a quarter of a minute: a head that was away long finds its nodes again at once, and a thousand nodes do not come at one time. */
const FIRST = 500;
const LONGEST = 15_000;
const FACTOR = 1.6;
const JITTER = 0.2;

export interface Backoff {
  /** Milliseconds until the next attempt. */
  next(): number;
  /** The last attempt succeeded. */
  reset(): void;
}

export function newBackoff({ first = FIRST, longest = LONGEST, random = Math.random } = {}): Backoff {
  let pause = first;
  return {
    next() {
      const now = pause;
      // Even the longest ones differ, so that nodes which lost their head node together do not come back together.
      pause = Math.min(pause * FACTOR, longest / (1 + JITTER));
      return Math.min(longest, now * (1 + JITTER * (2 * random() - 1)));
    },
    reset: () => void (pause = first),
  };
}
