import { createHash } from 'node:crypto';
import { chmod, copyFile, glob, mkdir, readFile, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { createRequire } from 'node:module';
import type { Plugin } from 'esbuild';
import { part, type Part, type Workshop } from './parts.ts';

const ROOT = join(import.meta.dirname, '../..');
const PRODUCT = ['agent', 'bin', 'headnode', 'host', 'images/guest-tools', 'imgadm', 'node', 'vmadm'] as const;

/** Where the platform keeps the few files that the executable works with besides itself; laid out as the tree is. */
export const PROGRAM_FILES = '/usr/lib/zonewright';

/** Files of the tree that are used as files, and so cannot be inside the executable. */
const FILES = ['host/qemu/join-group.sh'] as const;

/** Optional parts of libraries that need files of their own, and the database that a booted head node has Debian's in place of. */
const NOT_INSIDE = ['dtrace-provider', 'pg-native', '@electric-sql/pglite'] as const;

/**
 * The one executable: everything of ours and its libraries as one script, inside a copy of the project's own Node. It
 * answers to the name it is called by. The part holds `zonewright` and `files/`.
 */
export async function executable(workshop: Workshop): Promise<Part> {
  const sources = await productFiles();
  return part(workshop, 'executable', await Promise.all([...sources, 'package-lock.json', relative(ROOT, import.meta.filename)].map(digestOf)), async (directory) => {
    const bundle = join(directory, 'bundle.cjs');
    const { build } = await import('esbuild');
    await build({
      entryPoints: [join(ROOT, 'bin/executable.ts')],
      outfile: bundle,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      target: 'node24',
      minifySyntax: true,
      logLevel: 'error',
      external: [...NOT_INSIDE],
      plugins: [programFiles],
    });
    await makeExecutable(bundle, join(directory, 'zonewright'));
    await rm(bundle);
    for (const file of FILES) {
      const target = join(directory, 'files', file);
      await mkdir(dirname(target), { recursive: true });
      await copyFile(join(ROOT, file), target);
      await chmod(target, 0o755);
    }
  });
}

/** A module asks where it lies to find files beside it: that is said as if the tree lay in `PROGRAM_FILES`. */
const programFiles: Plugin = {
  name: 'program-files',
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      if (path.includes('/node_modules/')) return undefined;
      const place = JSON.stringify(join(PROGRAM_FILES, relative(ROOT, dirname(path))));
      const text = (await readFile(path, 'utf8')).replaceAll('import.meta.dirname', place).replaceAll('import.meta.main', 'false');
      return { contents: text, loader: 'ts' };
    });
  },
};

/** pkg's own command would fetch a Node from elsewhere; its function for single executables takes ours. */
async function makeExecutable(bundle: string, output: string): Promise<void> {
  const { default: sea } = createRequire(import.meta.url)('@yao-pkg/pkg/lib-es5/sea.js') as { default: (entry: string, options: Readonly<Record<string, unknown>>) => Promise<void> };
  await sea(bundle, {
    nodePath: process.execPath,
    targets: [{ nodeRange: 'node24', platform: 'linux', arch: 'x64', output }],
    seaConfig: { useCodeCache: true, disableExperimentalSEAWarning: true },
  });
}

async function productFiles(): Promise<string[]> {
  const files: string[] = [];
  for await (const file of glob(PRODUCT.map((folder) => `${folder}/**/*.{ts,sh,c,h}`), { cwd: ROOT })) files.push(file);
  return files.sort();
}

async function digestOf(file: string): Promise<string> {
  return `${file} ${createHash('sha256').update(await readFile(join(ROOT, file))).digest('hex')}`;
}
