import { imgadmErrors } from '../errors.ts';
import type { ImageManifest } from '../manifest/manifest.ts';

/** What this platform says of itself where images ask for one of SmartOS (reference §2.3). */
export interface Platform {
  /** "SDC Version" */
  readonly version: string;
  /** "Live Image": the stamp of a platform that has everything that an image of that time may want. */
  readonly stamp: string;
}

export const PLATFORM: Platform = { version: '7.0', stamp: '20261101T000000Z' };

/**
 * Hold an image's `requirements.min_platform` and `max_platform` against the platform. Where they name our version the
 * stamps are compared; else only versions beyond all that they name are refused. All of it compares as text.
 * @throws MinPlatform, MaxPlatform
 */
export function requirePlatform(manifest: ImageManifest, platform = PLATFORM): void {
  const { min_platform: min, max_platform: max } = (manifest.requirements ?? {}) as { min_platform?: Stamps; max_platform?: Stamps };
  if (min && isBelow(platform, min)) throw imgadmErrors.MinPlatform({ ...platform, required: JSON.stringify(min) });
  if (max && isAbove(platform, max)) throw imgadmErrors.MaxPlatform({ ...platform, required: JSON.stringify(max) });
}

type Stamps = Readonly<Record<string, string>>;

function isBelow({ version, stamp }: Platform, min: Stamps): boolean {
  const required = min[version];
  if (required !== undefined) return stamp < required;
  const lowest = Object.keys(min).sort()[0];
  return lowest !== undefined && version < lowest;
}

function isAbove({ version, stamp }: Platform, max: Stamps): boolean {
  const required = max[version];
  if (required !== undefined) return stamp > required;
  const highest = Object.keys(max).sort().at(-1);
  return highest !== undefined && version > highest;
}
