/**
 * What the tests of the package start from, made outside the sandbox: the package in two versions, and the root of a host. Both are
 * kept; a call with nothing to do returns at once. As a program it says where they are.
 */
import { createHash } from 'node:crypto';
import { glob, readFile, rm, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { executable } from '../../../images/platform/executable.ts';
import { part, type Workshop } from '../../../images/platform/parts.ts';
import { buildPackages } from '../../../packaging/build.ts';
import { guestRoot, PACKAGING_CACHE } from './guest-root.ts';

export const OLDER = '0.1.0~older';
export const NEWER = '0.1.0~rc1';

const ROOT = join(import.meta.dirname, '../../..');
const SOURCES = ['packaging/**', 'docs/man/*', 'scripts/docs/man-pages.ts', 'CHANGELOG.md', 'package-lock.json', 'node/setup/systemd.ts'];
const HOUR = 3_600_000;

/** The directory with both versions of the package. */
export async function packages(say: (line: string) => void = () => undefined): Promise<string> {
  const workshop: Workshop = { cache: PACKAGING_CACHE, say };
  const { key } = await executable({ ...workshop, cache: '/var/cache/zonewright/platform' });
  const { directory } = await part(workshop, 'packages', [key, ...(await sources())], async (out) => {
    for (const version of [OLDER, NEWER]) await buildPackages({ out, version, quick: true, say });
    await removeOld();
  });
  return directory;
}

async function sources(): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of glob(SOURCES, { cwd: ROOT, withFileTypes: true })) if (entry.isFile()) files.push(join(entry.parentPath, entry.name));
  return Promise.all(files.sort().map(async (file) => `${relative(ROOT, file)} ${createHash('sha256').update(await readFile(file)).digest('hex')}`));
}

/** Each is a hundred megabytes. A test that runs at this moment may still read one. */
async function removeOld(): Promise<void> {
  for await (const name of glob('packages-*', { cwd: PACKAGING_CACHE })) {
    const directory = join(PACKAGING_CACHE, name);
    if (Date.now() - (await stat(directory)).mtimeMs > HOUR) await rm(directory, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  process.stdout.write(`${await guestRoot(say)}\n${await packages(say)}\n`);
}
