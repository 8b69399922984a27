/**
 * Parts of a platform image. Each is slow to make and changes seldom, so it is kept outside the tree under a key of all that
 * goes into it, and made again when there is none under that key.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
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
 * A part, from the cache or made now. Of each name the newest few are kept, by when they were last used.
 * @param make puts its files into the directory that it is given; what it leaves there when it throws is removed
 */
export async function part(workshop: Workshop, name: string, inputs: Inputs, make: (directory: string) => Promise<void>): Promise<Part> {
  const key = keyOf(inputs);
  const directory = join(workshop.cache, `${name}-${key}`);
  await mkdir(workshop.cache, { recursive: true, mode: 0o755 });
  return withLock({ scope: workshop.cache, name, action: `building ${name}`, waitSeconds: PATIENCE_SECONDS }, async () => {
    if (existsSync(directory)) {
      await markUsed(directory);
      return { directory, key };
    }
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
    await markUsed(directory);
    await removeOld(workshop.cache, name);
    workshop.say(`${name}: made in ${Math.round((performance.now() - started) / 1000)} s`);
    return { directory, key };
  });
}

/** Somebody else may be building the kernel module. */
const PATIENCE_SECONDS = 1800;
const KEEP = 3;
/** What was used this lately, another build may be about to read. */
const RECENT_MILLISECONDS = 15 * 60_000;

async function markUsed(directory: string): Promise<void> {
  const now = new Date();
  await utimes(directory, now, now);
}

async function removeOld(cache: string, name: string): Promise<void> {
  const made = (await readdir(cache)).filter((entry) => entry.startsWith(`${name}-`) && KEY.test(entry.slice(name.length + 1)));
  const used = await Promise.all(made.map(async (entry) => ({ entry, at: (await stat(join(cache, entry))).mtimeMs })));
  const old = used.sort((one, other) => other.at - one.at).slice(KEEP).filter(({ at }) => at < Date.now() - RECENT_MILLISECONDS);
  for (const { entry } of old) await rm(join(cache, entry), { recursive: true, force: true });
}

const KEY = /^[0-9a-f]{12}$/;

function keyOf(inputs: Inputs): string {
  const hash = createHash('sha256');
  for (const input of inputs) hash.update(`${input.length}\0${input}`);
  return hash.digest('hex').slice(0, 12);
}
