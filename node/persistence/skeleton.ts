import { existsSync } from 'node:fs';
import { lstat, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../../host/errors/errors.ts';
import { run } from '../../host/run/run.ts';

/**
 * Copy what a tree has and another lacks, with owners and modes. What is there is not touched, whatever it is; each name
 * appears with all that is below it, so that a power cut leaves no half of a file.
 * @param except paths below the tree that are left out
 */
export async function addMissing(from: string, to: string, except: readonly string[] = []): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (except.includes(entry.name)) continue;
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    const below = except.filter((path) => path.startsWith(`${entry.name}/`)).map((path) => path.slice(entry.name.length + 1));
    if (!(await isPresent(target))) await copyWhole(source, to, entry.name, below);
    else if (entry.isDirectory() && (await lstat(target)).isDirectory()) await addMissing(source, target, below);
  }
}

async function copyWhole(source: string, to: string, name: string, except: readonly string[]): Promise<void> {
  const unfinished = join(to, `.${name}.zonewright-new`);
  await rm(unfinished, { recursive: true, force: true });
  await run(['cp', '--archive', '--', source, unfinished]);
  for (const path of except) if (existsSync(join(unfinished, path))) await rm(join(unfinished, path), { recursive: true });
  await rename(unfinished, join(to, name));
}

async function isPresent(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return false;
    throw error;
  }
}
