import { chmod, cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { run } from '../../host/run/run.ts';
import { unitPath, unitTexts } from '../../node/setup/systemd.ts';
import { filesBelow } from '../seed/recipe.ts';
import { installProgram, PROGRAM_FILES } from './executable.ts';
import { part, type Part, type Workshop } from './parts.ts';
import { compress } from './root.ts';

const FILES = join(import.meta.dirname, 'files');
/** What set-up would write otherwise, at every boot. */
const NODE_UNITS = [...unitTexts(join(PROGRAM_FILES, 'bin/zonewright'), undefined)];
/** Debian's commands of these names are scripts, whose language is left out of the image. */
const DATABASE_CLIENTS = ['pg_dump', 'pg_restore', 'psql'];
/** Made anew with every change of ours: 19 would save 4 MB and take 20 seconds instead of 2. */
const COMPRESSION = 9;

/**
 * What is ours of a platform's root file system, as a layer of its own, since it changes with every commit and the rest seldom: the
 * executable under each of its names, and `files/`. The part holds `zonewright.squashfs`.
 */
export async function ourLayer(workshop: Workshop, executable: Part): Promise<Part> {
  return part(workshop, 'layer', [executable.key, await digestOfFiles(), ...NODE_UNITS.flat(), await readFile(import.meta.filename, 'utf8')], async (directory) => {
    const root = join(directory, 'root');
    await installProgram(executable, root);
    await addFiles(root);
    for (const [name, text] of NODE_UNITS) await writeFile(join(root, unitPath(name)), text, { mode: 0o644 });
    await mkdir(join(root, 'usr/bin'), { recursive: true, mode: 0o755 });
    for (const name of DATABASE_CLIENTS) await symlink(`../lib/postgresql/17/bin/${name}`, join(root, 'usr/bin', name));
    await run(['systemctl', '--root', root, 'preset-all']);
    // Older than everything below it, or systemd would take /usr for updated and prepare the root anew at every boot.
    await compress(root, join(directory, 'zonewright.squashfs'), COMPRESSION, ['-all-time', '1', '-all-root']);
  });
}

async function addFiles(root: string): Promise<void> {
  for (const { path, mode } of filesBelow(FILES)) {
    const target = join(root, path);
    await mkdir(dirname(target), { recursive: true, mode: 0o755 });
    await cp(join(FILES, path), target);
    await chmod(target, mode);
  }
}

async function digestOfFiles(): Promise<string> {
  const hash = createHash('sha256');
  for (const { path, mode } of filesBelow(FILES)) hash.update(`${path}\0${mode}\0`).update(await readFile(join(FILES, path)));
  return hash.digest('hex');
}
