/**
 * `npm run platform`: kernel and initramfs of a node that boots into memory (design §11), from Debian 13's packages on a
 * Debian 12 or 13 host. Each part is made once and kept in the cache; a build with nothing to do takes seconds.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ZonewrightError } from '../../host/errors/errors.ts';
import { assemble } from './assemble.ts';
import { debianRoot } from './debian-root.ts';
import { executable } from './executable.ts';
import { ourLayer } from './layer.ts';
import type { Workshop } from './parts.ts';
import { platformRoot } from './root.ts';
import { signingKey } from './signing-key.ts';
import { debianSources, readPlatformRecipe } from './sources.ts';
import { zfsModule } from './zfs-module.ts';

/** Where parts are kept between builds, and the key that signs images. */
export const CACHE = '/var/cache/zonewright/platform';
const STAMP = /^\d{8}T\d{6}Z$/;

export interface Platform {
  /** When it was built, which is its version: `20261121T154200Z`. */
  readonly stamp: string;
  readonly directory: string;
}

export interface PlatformOptions {
  readonly out: string;
  readonly stamp?: string;
  /** Where parts are kept: `/var/cache/zonewright/platform`. */
  readonly cache?: string;
  /** A private ed25519 key in PEM that signs the image; without it, one that was made for this cache. */
  readonly key?: string;
  /** A directory that is laid over the root of this image alone; tests break images with it. */
  readonly extra?: string;
  /** Whether to make the ISO and the tar too. Default true. */
  readonly media?: boolean;
  say(line: string): void;
}

/**
 * Build a platform image into `<out>/platform-<stamp>`. Another version of the same parts takes a few seconds.
 * @throws SigningKeyInvalid, CommandMissing, CommandFailed
 */
export async function buildPlatform(options: PlatformOptions): Promise<Platform> {
  const workshop: Workshop = { cache: options.cache ?? CACHE, say: (line) => options.say(line) };
  const stamp = options.stamp ?? stampOf(new Date());
  if (!STAMP.test(stamp)) throw new Error(`not a stamp: ${JSON.stringify(stamp)}`);
  const key = await signingKey(workshop, options.key);
  const recipe = await readPlatformRecipe();
  const sources = await debianSources(recipe.suite);
  const debian = await debianRoot(workshop, 'debian', { suite: recipe.suite, sources, packages: recipe.packages });
  const zfs = await zfsModule(workshop, debian, { suite: recipe.suite, sources });
  const root = await platformRoot(workshop, recipe, { debian, zfs });
  const layer = await ourLayer(workshop, await executable(workshop));
  const directory = await assemble(resolve(options.out), { stamp, debian, root, layer, key, media: options.media ?? true, ...(options.extra === undefined ? {} : { extra: options.extra }) });
  return { stamp, directory };
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
  try {
    const { directory } = await buildPlatform({ ...options, say: (line) => process.stderr.write(`${line}\n`) });
    process.stdout.write(`${directory}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof ZonewrightError)) throw error;
    process.stderr.write(`platform: ${error.message}\n${error.hint === undefined ? '' : `  ${error.hint}\n`}`);
    return error.exitStatus;
  }
}

const USAGE = `Usage: npm run platform [-- --out <directory>] [--stamp <stamp>] [--key <file>]

Build a platform image into <directory>/platform-<stamp>: kernel, initramfs, signed manifest, an ISO and a tar of it all.

  --out <directory>  where to put it; default: .cache/platform
  --stamp <stamp>    its version, of the form 20261121T154200Z; default: the time
  --key <file>       a private ed25519 key in PEM that signs it; default: one that is made once and kept in the cache
`;

/** What the arguments ask for; a text for the user when they are not understood, or ask for help. */
function optionsOf(args: readonly string[]): Pick<PlatformOptions, 'out' | 'stamp' | 'key'> | string {
  try {
    const { values } = parseArgs({ args: [...args], options: { out: { type: 'string', default: '.cache/platform' }, stamp: { type: 'string' }, key: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false } } });
    const { help, out, stamp, key } = values;
    if (help) return USAGE;
    if (stamp !== undefined && !STAMP.test(stamp)) return `platform: --stamp ${JSON.stringify(stamp)} is not of the form 20261121T154200Z\n`;
    return { out, ...(stamp === undefined ? {} : { stamp }), ...(key === undefined ? {} : { key }) };
  } catch (error) {
    if (error instanceof TypeError && 'code' in error) return `platform: ${error.message}\n${USAGE}`;
    throw error;
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
