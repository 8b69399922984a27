import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { run } from '../../host/run/run.ts';

const INIT = join(import.meta.dirname, 'init');
/** Where files from a boot server or boot loader land; they come without the directories that they lie in. */
const BOOT_MODULES = 'boot-modules';
/** The last file of all: without it, the initramfs was cut off. */
const END = 'end';

export interface InitramfsParts {
  /** Holds `early/` and `platform.squashfs`. */
  readonly root: string;
  /** Holds `zonewright.squashfs`. */
  readonly layer: string;
}

/** Laid over the root, uncompressed: what differs between two versions of the same parts. */
export const OWN = 'own';

/**
 * Write the one initramfs: a few programs, and the two compressed layers of the root as files. It is not compressed again, so that the
 * kernel unpacks it by copying; the kernel unpacks archives that follow each other one over the other.
 * @param work a directory for what is only needed meanwhile, with `own/`, the image's own files
 */
export async function writeInitramfs(target: string, work: string, { root, layer }: InitramfsParts): Promise<void> {
  const tree = join(work, 'tree');
  for (const folder of ['bin', 'dev', 'proc', 'sys', BOOT_MODULES]) await mkdir(join(tree, folder), { recursive: true, mode: 0o755 });
  const layers = [join(root, 'platform.squashfs'), join(layer, 'zonewright.squashfs')];
  await writeFile(join(tree, 'sums'), (await Promise.all(layers.map(sumOf))).join(''));
  const modules = (await readdir(join(root, 'early/modules'))).sort();
  // What can still say that the rest is missing comes first.
  const files: ReadonlyArray<readonly [name: string, file: string]> = [
    ['init', INIT],
    ['bin/busybox', join(root, 'early/busybox')],
    ...modules.map((name) => [join('modules', name), join(root, 'early/modules', name)] as const),
    ...layers.map((file) => [nameOf(file), file] as const),
  ];
  await mkdir(join(tree, 'modules'), { mode: 0o755 });
  for (const [name, file] of files) await symlink(file, join(tree, name));
  await archive(target, 'w', tree, ['bin', 'dev', 'proc', 'sys', BOOT_MODULES, 'modules', 'sums', ...files.map(([name]) => name)]);
  const { stdout } = await run(['find', OWN, '-print0'], { cwd: work });
  await writeFile(join(work, END), 'whole\n');
  await archive(target, 'a', work, [...stdout.split('\0').filter((name) => name !== '').sort(), END], []);
  await rm(tree, { recursive: true });
}

/** @param follow links are names for what lies elsewhere */
async function archive(target: string, flags: 'w' | 'a', directory: string, names: readonly string[], follow = ['--dereference']): Promise<void> {
  const options = ['--quiet', '--create', '--null', '--format=newc', '--owner=0:0', '--reproducible', ...follow];
  await run(['cpio', ...options], { cwd: directory, input: names.map((name) => `${name}\0`).join(''), stdoutTo: createWriteStream(target, { flags }) });
}

/** A line of `/sums`: name, size, sha256. */
async function sumOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return `${nameOf(file)} ${(await stat(file)).size} ${hash.digest('hex')}\n`;
}

function nameOf(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1);
}
