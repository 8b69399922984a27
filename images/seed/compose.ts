/** Archives of seeds, made out of what mmdebstrap gives. */
import { createReadStream, createWriteStream, readFileSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { extract, pack } from 'tar-stream';
import { run } from '../../host/run/run.ts';
import { filesBelow, type SeedRecipe } from './recipe.ts';

/** Times in archives that we write: the same inputs give the same bytes. */
const EPOCH = new Date(0);

/** An archive with the recipe's directories and files, busybox, and a symbolic link for each of its applets. */
export async function composeBusybox(recipe: SeedRecipe, packages: string, output: string): Promise<void> {
  const busybox = await fileIn(packages, /^(\.\/)?(usr\/)?bin\/busybox$/);
  const applets = await appletsOf(busybox, join(dirname(output), 'busybox'));
  const files = join(recipe.directory, 'files');
  const taken = new Set(filesBelow(files).map(({ path }) => path));
  const archive = pack();
  const written = pipeline(archive, createWriteStream(output));
  for (const path of withParents(recipe.directories ?? [])) archive.entry({ name: `./${path}/`, type: 'directory', mode: modeOf(path), mtime: EPOCH });
  archive.entry({ name: './bin/busybox', type: 'file', mode: 0o755, mtime: EPOCH }, busybox);
  for (const { path, mode } of filesBelow(files)) {
    archive.entry({ name: `./${path}`, type: 'file', mode: path === 'etc/shadow' ? 0o640 : mode, mtime: EPOCH }, readFileSync(join(files, path)));
  }
  for (const applet of applets.filter((path) => !taken.has(path) && path !== 'bin/busybox')) {
    archive.entry({ name: `./${applet}`, type: 'symlink', linkname: '/bin/busybox', mtime: EPOCH });
  }
  archive.finalize();
  await written;
}

/** Applets with their places, as `usr/bin/vi`. */
async function appletsOf(busybox: Buffer, temporary: string): Promise<string[]> {
  await writeFile(temporary, busybox);
  await chmod(temporary, 0o700);
  const { stdout } = await run([temporary, '--list-full']);
  return stdout.split('\n').filter((line) => /^(usr\/)?s?bin\/[\w[.+-]+$/.test(line)).sort();
}

async function fileIn(archive: string, name: RegExp): Promise<Buffer> {
  const entries = extract();
  const reading = pipeline(createReadStream(archive), entries);
  let found: Buffer | undefined;
  for await (const entry of entries) {
    if (name.test(entry.header.name) && entry.header.type === 'file') found = await buffer(entry);
    else entry.resume();
  }
  await reading;
  if (!found) throw new Error(`${archive} holds nothing like ${String(name)}`);
  return found;
}

function withParents(directories: readonly string[]): string[] {
  const all = directories.flatMap((path) => path.split('/').map((_, index, parts) => parts.slice(0, index + 1).join('/')));
  return [...new Set(all)].sort();
}

function modeOf(directory: string): number {
  if (directory === 'tmp' || directory === 'var/tmp') return 0o1777;
  return directory === 'root' ? 0o700 : 0o755;
}
