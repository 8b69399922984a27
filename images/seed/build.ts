/**
 * Seed images: what a node offers before it knows any image server. Built from the host's own package mirror and kept in
 * a cache under a key of everything that goes into them, so that a second call returns at once.
 *
 * As a program: `build.ts <name>… [--out <directory>]`.
 */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { withLock } from '../../host/lock/lock.ts';
import { makeContent } from './content.ts';
import { hostSources, readRecipe, recipeKey, type PackageSources, type SeedRecipe } from './recipe.ts';

export const SEED_CACHE = '/var/cache/zonewright/seed';

export interface SeedManifest {
  readonly uuid: string;
  readonly type: string;
  readonly path: string;
}

/** A built seed: one archive or disk, and a manifest for each type that it is offered as. */
export interface Seed {
  readonly archive: string;
  readonly manifests: readonly SeedManifest[];
}

export interface BuildOptions {
  /** Default: the cache that all builds on this host share. */
  readonly outDirectory?: string;
  /** Told what is going on, line by line. */
  readonly onLine?: (line: string) => void;
}

/** Build a seed, or return it at once when it is built already. Needs root and the package mirror. */
export async function buildSeed(name: string, options: BuildOptions = {}): Promise<Seed> {
  const out = options.outDirectory ?? SEED_CACHE;
  await mkdir(out, { recursive: true, mode: 0o755 });
  return (await findSeed(name, out)) ?? withLock({ scope: out, name: `seed:${name}`, action: 'build of a seed image', waitSeconds: 1800 }, () => buildLocked(name, out, options));
}

/** A seed that is built already; undefined when it is not, or its recipe has changed since. */
export async function findSeed(name: string, outDirectory = SEED_CACHE): Promise<Seed | undefined> {
  const recipe = readRecipe(name);
  return seedAt(pathsOf(recipe, hostSources(), outDirectory));
}

interface SeedPaths {
  readonly archive: string;
  readonly manifests: readonly string[];
}

async function seedAt(paths: SeedPaths): Promise<Seed | undefined> {
  // Manifests are the last to appear.
  if (![paths.archive, ...paths.manifests].every(existsSync)) return undefined;
  const manifests = await Promise.all(paths.manifests.map(async (path) => ({ path, ...identityIn(await readFile(path, 'utf8')) })));
  return { archive: paths.archive, manifests };
}

async function buildLocked(name: string, out: string, options: BuildOptions): Promise<Seed> {
  const built = await findSeed(name, out);
  if (built) return built;
  const recipe = readRecipe(name);
  const sources = hostSources();
  const paths = pathsOf(recipe, sources, out);
  const work = join(out, `.build-${name}`);
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { mode: 0o711 });
  try {
    const archive = await makeContent(recipe, sources, work, options.onLine ?? (() => undefined));
    const manifests = await manifestsFor(recipe, sources, archive);
    await rename(archive, paths.archive);
    for (const [index, manifest] of manifests.entries()) {
      const temporary = join(work, `${index}.imgmanifest`);
      await writeFile(temporary, `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o644 });
      await rename(temporary, paths.manifests[index] as string);
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  // Not by its name again: the recipe may have changed meanwhile.
  return (await seedAt(paths)) as Seed;
}

async function manifestsFor(recipe: SeedRecipe, sources: PackageSources, archive: string): Promise<Array<Record<string, unknown>>> {
  const digests = { sha1: createHash('sha1'), sha256: createHash('sha256') };
  for await (const chunk of createReadStream(archive, { highWaterMark: 1024 * 1024 })) {
    digests.sha1.update(chunk as Buffer);
    digests.sha256.update(chunk as Buffer);
  }
  const { size } = await stat(archive);
  const publishedAt = new Date().toISOString();
  const sha256 = digests.sha256.copy().digest('hex');
  const sha1 = digests.sha1.digest('hex');
  return recipe.types.map((type) => ({
    v: 2,
    uuid: uuidOf(digests.sha256.copy().update(type).digest('hex')),
    name: recipe.name,
    version: `${sources.suite}-${publishedAt.slice(0, 10).replaceAll('-', '')}`,
    description: recipe.description,
    type,
    os: 'linux',
    published_at: publishedAt,
    state: 'active',
    disabled: false,
    public: true,
    files: [{ sha1, sha256, size, compression: 'zstd' }],
    ...(recipe.size === undefined ? {} : { image_size: recipe.size, nic_driver: 'virtio', disk_driver: 'virtio', cpu_type: 'host' }),
    tags: recipe.tags,
  }));
}

function uuidOf(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

function pathsOf(recipe: SeedRecipe, sources: PackageSources, out: string): SeedPaths {
  const stem = join(out, `${recipe.name}-${sources.suite}-${recipeKey(recipe, sources)}`);
  const manifests = recipe.types.map((type, index) => (index === 0 ? `${stem}.imgmanifest` : `${stem}.${type}.imgmanifest`));
  return { archive: `${stem}.${recipe.size === undefined ? 'tar' : 'raw'}.zst`, manifests };
}

function identityIn(manifest: string): { uuid: string; type: string } {
  const { uuid, type } = JSON.parse(manifest) as { uuid: string; type: string };
  return { uuid, type };
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { out: { type: 'string' } } });
  for (const name of positionals) {
    const seed = await buildSeed(name, { ...(values.out === undefined ? {} : { outDirectory: values.out }), onLine: (line) => process.stderr.write(`${line}\n`) });
    for (const { uuid, type, path } of seed.manifests) process.stdout.write(`${uuid}  ${type}  ${path}\n`);
  }
}
