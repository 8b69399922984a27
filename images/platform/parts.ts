/**
 * Parts of a platform image. Each is slow to make and changes seldom, so it is kept outside the tree under a key of all that
 * goes into it, and made again when there is none under that key.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { withLock } from '../../host/lock/lock.ts';

export interface Workshop {
  /** Where parts are kept: `/var/cache/zonewright/platform`. */
  readonly cache: string;
  /** Told what is being done. */
  say(line: string): void;
}

export interface Part {
  readonly directory: string;
  /** Goes into the keys of parts that are made from this one. */
  readonly key: string;
}

/** What a part is made of: texts that name its content exactly. */
export type Inputs = readonly string[];

/**
 * A part, from the cache or made now.
 * @param make puts its files into the directory that it is given; what it leaves there when it throws is removed
 */
export async function part(workshop: Workshop, name: string, inputs: Inputs, make: (directory: string) => Promise<void>): Promise<Part> {
  const key = keyOf(inputs);
  const directory = join(workshop.cache, `${name}-${key}`);
  if (existsSync(directory)) return { directory, key };
  await mkdir(workshop.cache, { recursive: true, mode: 0o755 });
  return withLock({ scope: workshop.cache, name, action: `building ${name}` }, async () => {
    if (existsSync(directory)) return { directory, key };
    workshop.say(`${name}: making it (it is not in ${workshop.cache} yet)`);
    const started = performance.now();
    const work = join(workshop.cache, `.build-${name}`);
    await rm(work, { recursive: true, force: true });
    await mkdir(work, { mode: 0o755 });
    try {
      await make(work);
      await rename(work, directory);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
    workshop.say(`${name}: made in ${Math.round((performance.now() - started) / 1000)} s`);
    return { directory, key };
  });
}

function keyOf(inputs: Inputs): string {
  const hash = createHash('sha256');
  for (const input of inputs) hash.update(`${input.length}\0${input}`);
  return hash.digest('hex').slice(0, 12);
}
