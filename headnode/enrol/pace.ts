import { headErrors } from '../errors.ts';

export interface Pace {
  /** Count a request. @throws TooManyRequests when there were too many from this address in the minute */
  take(address: string): void;
}

const WINDOW_MILLISECONDS = 60_000;
const MOST_ADDRESSES = 10_000;

/** How often who may ask, in this process. A machine that waits asks twelve times a minute. */
export function newPace({ perMinute = 120, now = Date.now }: { readonly perMinute?: number; readonly now?: () => number } = {}): Pace {
  let began = now();
  let counts = new Map<string, number>();
  return {
    take(address) {
      if (now() - began >= WINDOW_MILLISECONDS) {
        began = now();
        counts = new Map();
      }
      const count = (counts.get(address) ?? 0) + 1;
      // Who has that many addresses gets no more memory for them.
      if (count > perMinute || (count === 1 && counts.size >= MOST_ADDRESSES)) throw headErrors.TooManyRequests({ reason: `more than ${perMinute} requests in a minute come from ${address}` });
      counts.set(address, count);
    },
  };
}
