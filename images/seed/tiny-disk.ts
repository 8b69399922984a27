import { chmod, copyFile, mkdir, readdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { createWriteStream } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { run } from '../../host/run/run.ts';
import { buildGuestTools } from '../guest-tools/build.ts';
import { makeBootFileSystem } from './boot-file-system.ts';
import { filesBelow, type SeedRecipe } from './recipe.ts';

/**
 * A disk with a kernel and an initramfs, which is all that its machine has: BusyBox, the recipe's files and modules, the
 * metadata tools.
 * @param packages a directory with the recipe's packages unpacked.
 * @param output the disk to make.
 */
export async function composeTinyDisk(recipe: SeedRecipe, packages: string, output: string): Promise<void> {
  const work = join(dirname(output), 'tiny');
  const root = join(work, 'root');
  await mkdir(root, { recursive: true });
  const kernel = (await readdir(join(packages, 'boot'))).find((name) => name.startsWith('vmlinuz-'));
  if (kernel === undefined) throw new Error('the recipe has no package with a kernel');
  await layRoot(recipe, packages, kernel.slice('vmlinuz-'.length), root);
  const initramfs = join(work, 'initrd.img');
  await packInitramfs(root, initramfs);
  const size = recipe.size ?? 24;
  await writeFile(output, '');
  await truncate(output, size * 1024 * 1024);
  await makeBootFileSystem(
    { disk: output, offset: 0, size, label: 'TINYVM', kernel: join(packages, 'boot', kernel), initramfs, commandLine: 'console=ttyS0 quiet panic=5', packages },
    join(work, 'boot'),
  );
  await rm(work, { recursive: true });
}

async function layRoot(recipe: SeedRecipe, packages: string, release: string, root: string): Promise<void> {
  for (const path of ['bin', 'dev', 'etc', 'modules', 'proc', 'run', 'sys', 'tmp', 'usr/sbin']) await mkdir(join(root, path), { recursive: true });
  await copyFile(join(packages, 'bin/busybox'), join(root, 'bin/busybox'));
  const files = join(recipe.directory, 'files');
  for (const { path, mode } of filesBelow(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await copyFile(join(files, path), join(root, path));
    await chmod(join(root, path), mode);
  }
  await copyModules(recipe, join(packages, 'lib/modules', release), join(root, 'modules'));
  const tools = await buildGuestTools();
  const [first = '', ...others] = await readdir(tools);
  await copyFile(join(tools, first), join(root, 'usr/sbin', first));
  for (const name of others) await symlink(first, join(root, 'usr/sbin', name));
}

/** The order of the recipe is the order in which they can be loaded: nothing in the machine knows what needs what. */
async function copyModules(recipe: SeedRecipe, from: string, to: string): Promise<void> {
  const all = new Map(filesBelow(from).map(({ path }) => [basename(path), join(from, path)]));
  const modules = recipe.modules ?? [];
  for (const name of modules) {
    const path = all.get(`${name}.ko`);
    if (path === undefined) throw new Error(`the kernel has no module ${name}`);
    await copyFile(path, join(to, `${name}.ko`));
  }
  await writeFile(join(to, 'order'), `${modules.join('\n')}\n`);
}

async function packInitramfs(root: string, output: string): Promise<void> {
  const { stdout } = await run(['find', '.', '-print0'], { cwd: root });
  const names = stdout.split('\0').filter((name) => name !== '').sort();
  await run(['cpio', '--null', '--create', '--format=newc', '--owner=0:0', '--reproducible', '--quiet'], {
    cwd: root,
    input: names.map((name) => `${name}\0`).join(''),
    stdoutTo: createWriteStream(output),
  });
}
