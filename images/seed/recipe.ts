import { createHash, type Hash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** How a seed image is made: the content of its `recipe.json`, and of that which it extends. */
export interface Recipe {
  /** The recipe that this one adds to: its packages come besides, its hook runs first, and what is not said here is as there. */
  readonly extends?: string;
  readonly description: string;
  /**
   * `system`: an archive of everything that mmdebstrap makes. `busybox`: of only its busybox, with a link for each applet.
   * `tiny-disk`: a disk that boots a kernel with busybox. `machine-disk`: a disk that boots everything that mmdebstrap makes.
   */
  readonly kind: 'system' | 'busybox' | 'tiny-disk' | 'machine-disk';
  readonly variant: string;
  readonly packages: readonly string[];
  readonly directories?: readonly string[];
  /** Of a tiny disk: kernel modules, in the order in which they are loaded. */
  readonly modules?: readonly string[];
  /** Of a disk: MiB. */
  readonly size?: number;
  /** Image types that the one archive is offered as; each has a manifest and a uuid of its own. */
  readonly types: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
}

export interface SeedRecipe extends Recipe {
  readonly name: string;
  readonly directory: string;
  /** Programs that change the root, in the order in which they run. */
  readonly hooks: readonly string[];
}

/** Where the host's packages come from, which is where those of a seed come from too. */
export interface PackageSources {
  readonly suite: string;
  readonly files: readonly string[];
}

const HERE = fileURLToPath(new URL('.', import.meta.url));

/** A recipe by the name of its folder. */
export function readRecipe(name: string): SeedRecipe {
  if (!/^[a-z]+(-[a-z]+)*$/.test(name)) throw new Error(`not the name of a recipe: ${name}`);
  const directory = join(HERE, name);
  const recipe = JSON.parse(readFileSync(join(directory, 'recipe.json'), 'utf8')) as Recipe;
  const base = recipe.extends === undefined ? undefined : readRecipe(recipe.extends);
  const hook = join(directory, 'customize.sh');
  return {
    ...base,
    ...recipe,
    packages: [...(base?.packages ?? []), ...recipe.packages],
    hooks: [...(base?.hooks ?? []), ...(existsSync(hook) ? [hook] : [])],
    name,
    directory,
  };
}

/** The host's own release and its lists of package sources. */
export function hostSources(): PackageSources {
  const suite = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  if (suite === undefined) throw new Error('/etc/os-release names no VERSION_CODENAME');
  const directory = '/etc/apt/sources.list.d';
  const lists = namesIn(directory).filter((name) => /\.(sources|list)$/.test(name));
  const files = [...namesIn('/etc/apt').filter((name) => name === 'sources.list').map((name) => join('/etc/apt', name)), ...lists.map((name) => join(directory, name))];
  return { suite, files: files.filter((path) => readFileSync(path, 'utf8').includes(suite)) };
}

/** A digest of all that goes into a seed, besides the packages' versions. */
export function recipeKey(recipe: SeedRecipe, sources: PackageSources): string {
  const hash = createHash('sha256').update(sources.suite);
  for (const code of ['build.ts', 'content.ts', 'recipe.ts', ...CODE[recipe.kind]]) hash.update(readFileSync(join(HERE, code)));
  if (recipe.kind === 'tiny-disk') addTree(hash, join(HERE, '../guest-tools'));
  addTree(hash, recipe.directory);
  if (recipe.extends !== undefined) hash.update(recipeKey(readRecipe(recipe.extends), sources));
  return hash.digest('hex').slice(0, 12);
}

/** What makes the content of each kind, besides what all have in common. */
const CODE: Readonly<Record<Recipe['kind'], readonly string[]>> = {
  system: [],
  busybox: ['compose.ts'],
  'tiny-disk': ['tiny-disk.ts', 'boot-file-system.ts'],
  'machine-disk': ['machine-disk.ts', 'boot-file-system.ts'],
};

/** Files below a directory: their paths inside it, sorted, with permission bits. */
export function filesBelow(directory: string): Array<{ readonly path: string; readonly mode: number }> {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => ({ path: path.slice(directory.length + 1), mode: statSync(path).mode & 0o111 ? 0o755 : 0o644 }));
}

function addTree(hash: Hash, directory: string): void {
  for (const { path, mode } of filesBelow(directory)) hash.update(`${path}\0${mode}\0`).update(readFileSync(join(directory, path)));
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}
