import { lstat, readdir } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { join } from 'node:path';
import { isSystemError } from '../../host/errors/errors.ts';

/** A file that differs from the image's. */
export interface Change {
  /** As it is seen in the root: `/etc/shadow`. */
  readonly path: string;
  readonly state: 'added' | 'changed' | 'removed';
  /** What it takes; 0 of one that was removed. */
  readonly bytes: number;
}

export interface LayerPlaces {
  /** The writable layer of an overlay. */
  readonly upper: string;
  /** Directories with what lies under it, nearest first. */
  readonly lower: readonly string[];
  /** Where the overlay is mounted: `/`, `/etc`. */
  readonly at: string;
  /** Paths, as they are seen, that are left out with all below them. */
  readonly except?: readonly string[];
}

/** What a writable layer has besides or instead of the layers below it, sorted by path. Directories are told by what is in them. */
export async function layerChanges({ upper, lower, at, except = [] }: LayerPlaces): Promise<Change[]> {
  const changes: Change[] = [];
  const walk = async (below: string): Promise<void> => {
    for (const name of (await readdir(join(upper, below))).sort()) {
      const inside = join(below, name);
      const path = join(at, inside);
      if (except.includes(path)) continue;
      const facts = await lstat(join(upper, inside));
      if (facts.isDirectory()) await walk(inside);
      else if (isWhiteout(facts)) changes.push({ path, state: 'removed', bytes: 0 });
      else changes.push({ path, state: (await isIn(lower, inside)) ? 'changed' : 'added', bytes: facts.size });
    }
  };
  await walk('');
  return changes;
}

/** How an overlay remembers that something of a lower layer was removed. */
function isWhiteout(facts: Stats): boolean {
  return facts.isCharacterDevice() && facts.rdev === 0;
}

async function isIn(directories: readonly string[], path: string): Promise<boolean> {
  for (const directory of directories) {
    try {
      await lstat(join(directory, path));
      return true;
    } catch (error) {
      if (!isSystemError(error, 'ENOENT', 'ENOTDIR')) throw error;
    }
  }
  return false;
}
