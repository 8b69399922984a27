import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until so many units (1 unless given) may pass. */
export type Pace = (units?: number) => Promise<void>;

/** Let so many units pass in each second, a second's worth of them at once; any number of callers may share it. */
export function newPace(perSecond: number): Pace {
  let paidUntil = 0;
  return async (units = 1) => {
    const now = performance.now();
    paidUntil = Math.max(paidUntil, now) + (units * 1000) / perSecond;
    const early = paidUntil - now - 1000;
    if (early > 0) await sleep(early);
  };
}
