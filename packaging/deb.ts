/** A Debian package of a tree of files. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, copyFile, lstat, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { run } from '../host/run/run.ts';
import { controlFile } from './control.ts';

const SCRIPTS = ['postinst', 'prerm', 'postrm'] as const;

export interface PackOptions {
  readonly version: string;
  /** The latest time that a file in it carries, in seconds. */
  readonly epoch: number;
  /** The file to write. */
  readonly out: string;
  /** For a trial: a bigger file in a tenth of the time. */
  readonly quick?: boolean;
}

/** Pack a tree; it gets its control files, too. */
export async function packDeb(root: string, { version, epoch, out, quick }: PackOptions): Promise<void> {
  const files = await filesBelow(root);
  const control = join(root, 'DEBIAN');
  await mkdir(control, { mode: 0o755 });
  await writeFile(join(control, 'control'), controlFile(version, await kibibytes(files)), { mode: 0o644 });
  await writeFile(join(control, 'md5sums'), await checksums(root, files), { mode: 0o644 });
  for (const script of SCRIPTS) {
    await copyFile(join(import.meta.dirname, 'maintainer', script), join(control, script));
    await chmod(join(control, script), 0o755);
  }
  await run(['dpkg-deb', '--root-owner-group', ...(quick ? ['-Zgzip', '-z1'] : ['-Zxz', '-z3']), '--build', root, out], { environment: { SOURCE_DATE_EPOCH: String(epoch) } });
  await rm(control, { recursive: true });
}

async function filesBelow(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)).sort();
}

async function kibibytes(files: readonly string[]): Promise<number> {
  const sizes = await Promise.all(files.map(async (file) => (await lstat(file)).size));
  return sizes.reduce((sum, size) => sum + Math.ceil(size / 1024), 0);
}

async function checksums(root: string, files: readonly string[]): Promise<string> {
  const lines: string[] = [];
  for (const file of files) {
    const hash = createHash('md5');
    await pipeline(createReadStream(file), hash);
    lines.push(`${hash.digest('hex')}  ${relative(root, file)}\n`);
  }
  return lines.join('');
}
