import { sourceErrors } from './errors.ts';

/** @param free and `needed` are bytes @throws PlatformSpace, which says them in MB, when there are not that many */
export function requireRoom(place: string, free: number, needed: number): void {
  if (free < needed) throw sourceErrors.PlatformSpace({ place, free: Math.floor(free / 1e6), needed: Math.ceil(needed / 1e6) });
}
