import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../host/run/run.ts';

export interface Recipe {
  /** Release of Debian. */
  readonly suite: string;
  readonly packages: readonly string[];
  /** Paths of the root that no running node needs. */
  readonly leaveOut: readonly string[];
  /** Folders of kernel modules that no running node needs. */
  readonly leaveOutModules: readonly string[];
}

/** The recipe beside this file. */
export async function readPlatformRecipe(): Promise<Recipe> {
  return JSON.parse(await readFile(join(import.meta.dirname, 'recipe.json'), 'utf8')) as Recipe;
}

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Lines of a sources.list for another release of Debian, from the mirrors that this host's own packages come from. */
export async function debianSources(suite: string): Promise<string[]> {
  // What apt would fetch for its lists names every repository, whether the lists are there or not.
  const { stdout } = await run(['apt-get', 'update', '--print-uris']);
  const lines = [...stdout.matchAll(/^'(\S+)dists\/[a-z]+(-updates|-security)?\/InRelease'/gm)].map(([, uri = '', pocket = '']) => `deb [signed-by=${KEYRING}] ${uri} ${suite}${pocket} main contrib`);
  if (lines.length === 0) throw new Error('apt knows no package sources: there is none in /etc/apt/sources.list.d');
  return [...new Set(lines)].sort();
}
