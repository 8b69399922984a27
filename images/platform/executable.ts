import { createHash } from 'node:crypto';
import { chmod, copyFile, cp, glob, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { createRequire } from 'node:module';
import { Script } from 'node:vm';
import type { BuildOptions, Plugin } from 'esbuild';
import { buildGuestTools } from '../guest-tools/build.ts';
import { part, type Part, type Workshop } from './parts.ts';

const ROOT = join(import.meta.dirname, '../..');
const PRODUCT = ['agent', 'bin', 'headnode', 'host', 'images/guest-tools', 'imgadm', 'node', 'vmadm'] as const;

/** Where the platform keeps the few files that the executable works with besides itself; laid out as the tree is. */
export const PROGRAM_FILES = '/usr/lib/zonewright';

/** Names that the executable answers to. */
export const COMMANDS: readonly string[] = ['zonewright', 'vmadm', 'imgadm', 'zlogin', 'nictagadm', 'piadm', 'sysinfo'];
const INTERNAL: readonly string[] = ['zonewright-agent'];

/** Files of the tree that are used as files, and so cannot be inside the executable. */
const FILES = ['host/lxc/dhcp/start-clients.sh', 'host/qemu/join-group.sh'] as const;

/** Optional parts of libraries that need files of their own, and the database that a booted head node has Debian's in place of. */
const NOT_INSIDE = ['dtrace-provider', 'pg-native', '@electric-sql/pglite'] as const;

/**
 * The one executable: everything of ours and its libraries as two scripts, inside a copy of the project's own Node. It
 * answers to the name it is called by. The part holds `zonewright` and `files/`.
 */
export async function executable(workshop: Workshop): Promise<Part> {
  const sources = await productFiles();
  return part(workshop, 'executable', await Promise.all([...sources, 'package-lock.json', relative(ROOT, import.meta.filename)].map(digestOf)), async (directory) => {
    const scripts = join(directory, 'scripts');
    await makeExecutable(await bundle(scripts), join(directory, 'zonewright'));
    await rm(scripts, { recursive: true });
    for (const file of FILES) {
      const target = join(directory, 'files', file);
      await mkdir(dirname(target), { recursive: true });
      await copyFile(join(ROOT, file), target);
      await chmod(target, 0o755);
    }
    await cp(await buildGuestTools(), join(directory, 'files/guest-tools'), { recursive: true });
  });
}

/** Lay the executable into a root file system, under each of its names. */
export async function installProgram({ directory }: Part, root: string): Promise<void> {
  const place = join(root, PROGRAM_FILES);
  await mkdir(join(place, 'bin'), { recursive: true, mode: 0o755 });
  await mkdir(join(root, 'usr/sbin'), { recursive: true, mode: 0o755 });
  await cp(join(directory, 'zonewright'), join(place, 'zonewright'));
  await cp(join(directory, 'files'), place, { recursive: true });
  for (const command of [...COMMANDS, ...INTERNAL]) await symlink('../zonewright', join(place, 'bin', command));
  for (const command of COMMANDS) await symlink(join('../lib', basename(PROGRAM_FILES), 'bin', command), join(root, 'usr/sbin', command));
}

interface Scripts {
  /** What runs first, and is all that most commands need. */
  readonly client: string;
  /** Files inside the executable that `client` reads when it needs more. */
  readonly assets: Readonly<Record<string, string>>;
}

const WHOLE = { banner: { js: '(function (require) {' }, footer: { js: '})' } };

/** Everything as two scripts: to read and compile the whole would cost a short command three times what it does. */
async function bundle(directory: string): Promise<Scripts> {
  const { build } = await import('esbuild');
  const [client, whole, cache] = ['client.cjs', 'whole.cjs', 'whole.cache'].map((name) => join(directory, name)) as [string, string, string];
  const options = { bundle: true, platform: 'node', format: 'cjs', target: 'node24', minifySyntax: true, minifyWhitespace: true, legalComments: 'none', logLevel: 'error', external: [...NOT_INSIDE] } satisfies BuildOptions;
  await build({ ...options, entryPoints: [join(ROOT, 'bin/client.ts')], outfile: client, plugins: [agentOnly, programFiles] });
  await build({ ...options, ...WHOLE, entryPoints: [join(ROOT, 'bin/executable.ts')], outfile: whole, plugins: [programFiles] });
  // It is read as Latin-1, which costs nothing; esbuild leaves other characters in regular expressions.
  const text = (await readFile(whole, 'utf8')).replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  await writeFile(whole, text, 'latin1');
  await writeFile(cache, new Script(text).createCachedData());
  return { client, assets: { 'whole.cjs': whole, 'whole.cache': cache } };
}

/** The client has no engine: it is only used where an agent answers, which may end in between. */
const agentOnly: Plugin = {
  name: 'agent-only',
  setup(build) {
    build.onLoad({ filter: /\/vmadm\/open-engine\.ts$/ }, ({ path }) => ({
      contents: `import { agentErrors } from '../agent/errors.ts';\nexport function openEngine() { throw agentErrors.AgentLost({ what: 'the command' }); }`,
      loader: 'ts',
      resolveDir: dirname(path),
    }));
  },
};

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
async function makeExecutable({ client, assets }: Scripts, output: string): Promise<void> {
  const { default: sea } = createRequire(import.meta.url)('@yao-pkg/pkg/lib-es5/sea.js') as { default: (entry: string, options: Readonly<Record<string, unknown>>) => Promise<void> };
  await sea(client, {
    nodePath: process.execPath,
    targets: [{ nodeRange: 'node24', platform: 'linux', arch: 'x64', output }],
    seaConfig: { useCodeCache: true, disableExperimentalSEAWarning: true, assets },
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
