/** The content of a seed: what mmdebstrap makes out of the recipe's packages, in the form that the recipe's kind has. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PRIVATELY } from '../privately.ts';
import { run } from '../../host/run/run.ts';
import type { PackageSources, SeedRecipe } from './recipe.ts';

type OnLine = (line: string) => void;

/** Make it and compress it. @param work an empty directory. @returns the compressed file, in `work` */
export async function makeContent(recipe: SeedRecipe, sources: PackageSources, work: string, onLine: OnLine): Promise<string> {
  const content = join(work, 'content');
  switch (recipe.kind) {
    case 'system':
      await fetchPackages(recipe, sources, content, 'tar', onLine);
      break;
    case 'busybox': {
      const packages = await fetchPackages(recipe, sources, join(work, 'packages.tar'), 'tar', onLine);
      await (await import('./compose.ts')).composeBusybox(recipe, packages, content);
      break;
    }
    case 'tiny-disk': {
      const packages = await fetchPackages(recipe, sources, join(work, 'packages'), 'directory', onLine);
      await (await import('./tiny-disk.ts')).composeTinyDisk(recipe, packages, content);
      break;
    }
    case 'machine-disk': {
      const packages = await fetchPackages(recipe, sources, join(work, 'packages'), 'directory', onLine);
      onLine(`${recipe.name}: making the disk`);
      await (await import('./machine-disk.ts')).composeMachineDisk(recipe, packages, content);
      break;
    }
  }
  onLine(`${recipe.name}: compressing`);
  await run(['zstd', '--quiet', recipe.kind === 'tiny-disk' ? '-19' : '-6', '-T0', content, '-o', `${content}.zst`]);
  await rm(content);
  return `${content}.zst`;
}

async function fetchPackages(recipe: SeedRecipe, sources: PackageSources, target: string, format: 'tar' | 'directory', onLine: OnLine): Promise<string> {
  onLine(`${recipe.name}: fetching packages of ${sources.suite}`);
  await run(
    [
      ...PRIVATELY,
      'mmdebstrap',
      `--variant=${recipe.variant}`,
      `--format=${format}`,
      `--include=${recipe.packages.join(',')}`,
      '--skip=output/dev',
      ...recipe.hooks.map((hook) => `--customize-hook=${hook}`),
      sources.suite,
      target,
      ...sources.files,
    ],
    { onStderrLine: onLine, environment: { TMPDIR: join(target, '..'), ...proxies() } },
  );
  return target;
}

function proxies(): Record<string, string> {
  return Object.fromEntries(['http_proxy', 'https_proxy', 'no_proxy'].flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
}
