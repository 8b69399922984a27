/** Pauses between attempts: each 1.6 times the one before, a fifth more or less by chance, from half a second up to two minutes. */
const FIRST = 500;
const LONGEST = 120_000;
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
      pause = Math.min(pause * FACTOR, longest);
      return Math.min(longest, now * (1 + JITTER * (2 * random() - 1)));
    },
    reset: () => void (pause = first),
  };
}
