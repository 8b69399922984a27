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
  const { stdout } = await run(['apt-get', 'indextargets', '--format', '$(REPO_URI) $(CODENAME)', 'Created-By: Packages']);
  const repositories = new Set(stdout.trim().split('\n').filter((line) => line !== ''));
  const lines = [...repositories].flatMap((line) => {
    const [uri = '', codename = ''] = line.split(' ');
    const [, pocket = ''] = /^[a-z]+(-updates|-security)?$/.exec(codename) ?? [];
    return uri === '' ? [] : [`deb [signed-by=${KEYRING}] ${uri} ${suite}${pocket} main contrib`];
  });
  if (lines.length === 0) throw new Error('apt knows no package sources; run `apt-get update` first');
  return lines.sort();
}
