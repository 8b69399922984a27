/**
 * `npm run platform`: kernel and initramfs of a node that boots into memory (design §11), from Debian 13's packages on a
 * Debian 12 or 13 host. Each part is made once and kept in the cache; a build with nothing to do takes seconds.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { cp, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { run } from '../../host/run/run.ts';
import { debianRoot, kernelIn, versionIn } from './debian-root.ts';
import { executable } from './executable.ts';
import { initramfs } from './initramfs.ts';
import type { Part, Workshop } from './parts.ts';
import { ourLayer, platformRoot } from './root.ts';
import { debianSources, readPlatformRecipe } from './sources.ts';
import { zfsModule } from './zfs-module.ts';

const CACHE = '/var/cache/zonewright/platform';
const STAMP = /^\d{8}T\d{6}Z$/;

export interface Platform {
  /** When it was built, which is its version: `20261121T154200Z`. */
  readonly stamp: string;
  readonly directory: string;
}

/** Build a platform image into `<out>/platform-<stamp>`. */
export async function buildPlatform(options: { readonly out: string; readonly stamp?: string; readonly cache?: string; say(line: string): void }): Promise<Platform> {
  const workshop: Workshop = { cache: options.cache ?? CACHE, say: (line) => options.say(line) };
  const stamp = options.stamp ?? stampOf(new Date());
  if (!STAMP.test(stamp)) throw new Error(`not a stamp: ${JSON.stringify(stamp)}`);
  const recipe = await readPlatformRecipe();
  const sources = await debianSources(recipe.suite);
  const debian = await debianRoot(workshop, 'debian', { suite: recipe.suite, sources, packages: recipe.packages });
  const zfs = await zfsModule(workshop, debian, { suite: recipe.suite, sources });
  const root = await platformRoot(workshop, recipe, { debian, zfs });
  const archive = await initramfs(workshop, root, await ourLayer(workshop, await executable(workshop)));
  return assemble(stamp, options.out, { debian, root, archive });
}

interface Assembly {
  readonly debian: Part;
  readonly root: Part;
  readonly archive: Part;
}

async function assemble(stamp: string, out: string, { debian, root, archive }: Assembly): Promise<Platform> {
  const directory = join(out, `platform-${stamp}`);
  const work = `${directory}.new`;
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  await cp(join(root.directory, 'vmlinuz'), join(work, 'vmlinuz'));
  await cp(join(archive.directory, 'initramfs'), join(work, 'initramfs'));
  await addIdentity(join(work, 'initramfs'), stamp, work);
  await cp(join(debian.directory, 'packages.txt'), join(work, 'packages.txt'));
  const manifest = {
    v: 1,
    name: 'zonewright-platform',
    version: stamp,
    architecture: 'x86_64',
    kernel: await kernelIn(debian),
    zfs: await versionIn(debian, 'zfsutils-linux'),
    files: Object.fromEntries(await Promise.all(['vmlinuz', 'initramfs', 'packages.txt'].map(async (name) => [name, await factsOf(join(work, name))] as const))),
  };
  await writeFile(join(work, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  await rm(directory, { recursive: true, force: true });
  await rename(work, directory);
  return { stamp, directory };
}

/** The kernel unpacks archives that follow each other one over the other, so the big one is the same for every version. */
async function addIdentity(archive: string, stamp: string, work: string): Promise<void> {
  const file = join(work, 'platform.json');
  await writeFile(file, `${JSON.stringify({ version: stamp })}\n`);
  await run(['cpio', '--quiet', '--create', '--format=newc', '--owner=0:0', '--append', '--file', archive], { cwd: work, input: 'platform.json\n' });
  await rm(file);
}

async function factsOf(path: string): Promise<{ readonly size: number; readonly sha256: string }> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return { size: (await stat(path)).size, sha256: hash.digest('hex') };
}

function stampOf(date: Date): string {
  return date.toISOString().replace(/[-:]/g, '').replace(/\.\d+Z$/, 'Z');
}

async function main(args: readonly string[]): Promise<number> {
  const options = optionsOf(args);
  if (typeof options === 'string') {
    process.stderr.write(options);
    return options === USAGE ? 0 : 2;
  }
  const { directory } = await buildPlatform({ ...options, say: (line) => process.stderr.write(`${line}\n`) });
  process.stdout.write(`${directory}\n`);
  return 0;
}

const USAGE = `Usage: npm run platform [-- --out <directory>] [--stamp <stamp>]

Build a platform image into <directory>/platform-<stamp>. Without --out it goes below .cache/platform, without --stamp it is
named by the time: 20261121T154200Z.
`;

/** What the arguments ask for; a text for the user when they are not understood, or ask for help. */
function optionsOf(args: readonly string[]): { readonly out: string; readonly stamp?: string } | string {
  try {
    const { values } = parseArgs({ args: [...args], options: { out: { type: 'string', default: '.cache/platform' }, stamp: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false } } });
    if (values.help) return USAGE;
    if (values.stamp !== undefined && !STAMP.test(values.stamp)) return `platform: --stamp ${JSON.stringify(values.stamp)} is not of the form 20261121T154200Z\n`;
    return { out: values.out, ...(values.stamp === undefined ? {} : { stamp: values.stamp }) };
  } catch (error) {
    if (error instanceof TypeError && 'code' in error) return `platform: ${error.message}\n${USAGE}`;
    throw error;
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
