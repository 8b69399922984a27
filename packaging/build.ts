/**
 * `npm run deb`: a Debian package and a tarball of the one executable with its units, manual pages and completion, for hosts that
 * do not boot our platform.
 */
import { existsSync } from 'node:fs';
import { glob, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { run } from '../host/run/run.ts';
import { executable } from '../images/platform/executable.ts';
import type { Workshop } from '../images/platform/parts.ts';
import { debianChangelog, requireVersion } from './control.ts';
import { packDeb } from './deb.ts';
import { packTarball } from './tarball.ts';
import { layOut } from './tree.ts';

const ROOT = join(import.meta.dirname, '..');
const CACHE = '/var/cache/zonewright/platform';

export interface Packages {
  readonly deb: string;
  readonly tarball: string | undefined;
}

export interface BuildOptions {
  readonly out: string;
  /** Default: that of package.json. */
  readonly version?: string;
  /** Only the package, and that one quickly: for a trial. */
  readonly quick?: boolean;
  say(line: string): void;
}

/** Build the package, and the tarball, into a directory. */
export async function buildPackages({ out, version, quick = false, say }: BuildOptions): Promise<Packages> {
  const built = version ?? (await ownVersion());
  requireVersion(built);
  const workshop: Workshop = { cache: CACHE, say: (line) => say(line) };
  const part = await executable(workshop);
  const epoch = await sourceEpoch();
  await mkdir(out, { recursive: true });
  const work = await mkdtemp(join(out, '.build-'));
  try {
    const root = join(work, 'root');
    await layOut(root, { executable: part, manual: await manualPages(), changelog: debianChangelog(built, epoch) });
    const names = { deb: `zonewright_${built}_amd64.deb`, tarball: `zonewright-${built}-linux-x64.tar.gz` };
    await packDeb(root, { version: built, epoch, out: join(work, names.deb), quick });
    if (!quick) await packTarball(root, { epoch, out: join(work, names.tarball) });
    await rename(join(work, names.deb), join(out, names.deb));
    if (!quick) await rename(join(work, names.tarball), join(out, names.tarball));
    return { deb: join(out, names.deb), tarball: quick ? undefined : join(out, names.tarball) };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function ownVersion(): Promise<string> {
  return (JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string }).version;
}

async function manualPages(): Promise<string[]> {
  const pages: string[] = [];
  for await (const page of glob('docs/man/*.[1-8]', { cwd: ROOT })) pages.push(join(ROOT, page));
  return pages.sort();
}

/** When the sources were as they are: as the environment says, else the time of the commit. */
async function sourceEpoch(): Promise<number> {
  const given = process.env['SOURCE_DATE_EPOCH'];
  if (given !== undefined && /^\d{1,12}$/.test(given)) return Number(given);
  if (!existsSync(join(ROOT, '.git'))) return Math.floor(Date.now() / 1000);
  const { stdout } = await run(['git', '-C', ROOT, 'log', '-1', '--format=%ct']);
  return Number(stdout.trim());
}

const USAGE = `Usage: npm run deb [-- --out <directory>] [--package-version <version>]

Build zonewright_<version>_amd64.deb and zonewright-<version>-linux-x64.tar.gz into a directory, .cache/deb unless another is named.
`;

async function main(args: readonly string[]): Promise<number> {
  try {
    const { values } = parseArgs({ args: [...args], options: { out: { type: 'string', default: join(ROOT, '.cache/deb') }, 'package-version': { type: 'string' }, help: { type: 'boolean', short: 'h' } } });
    if (values.help) {
      process.stdout.write(USAGE);
      return 0;
    }
    const version = values['package-version'];
    if (version !== undefined) requireVersion(version);
    const { deb, tarball } = await buildPackages({ out: values.out, ...(version === undefined ? {} : { version }), say: (line) => process.stderr.write(`${line}\n`) });
    process.stdout.write(`${deb}\n${tarball ?? ''}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof TypeError && 'code' in error)) throw error;
    process.stderr.write(`deb: ${error.message}\n${USAGE}`);
    return 2;
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
