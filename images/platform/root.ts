import { cp, glob, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { run } from '../../host/run/run.ts';
import { kernelIn } from './debian-root.ts';
import { PROGRAM_FILES } from './executable.ts';
import { part, type Part, type Workshop } from './parts.ts';
import type { Recipe } from './sources.ts';
import { filesBelow } from '../seed/recipe.ts';

const FILES = join(import.meta.dirname, 'files');
/** Names that the executable answers to. */
const COMMANDS = ['zonewright', 'vmadm', 'imgadm', 'zlogin', 'nictagadm', 'sysinfo'] as const;
const INTERNAL = ['zonewright-agent'] as const;

/**
 * The root file system of a platform, compressed as it will lie in memory: Debian's packages without what no running node
 * needs, OpenZFS, and the files below `files/`. The part holds `platform.squashfs`, `vmlinuz` and the few things that the
 * initramfs needs, in `early/`.
 */
export async function platformRoot(workshop: Workshop, recipe: Recipe, parts: { readonly debian: Part; readonly zfs: Part }): Promise<Part> {
  const inputs = [JSON.stringify(recipe), parts.debian.key, parts.zfs.key, await digestOfFiles(), await readFile(import.meta.filename, 'utf8')];
  return part(workshop, 'root', inputs, async (directory) => {
    const root = join(directory, 'root');
    await mkdir(root, { mode: 0o755 });
    const kernel = await kernelIn(parts.debian);
    await run(['tar', '--extract', '--numeric-owner', '--same-permissions', '--xattrs', '--directory', root, '--file', join(parts.debian.directory, 'root.tar')]);
    await takeForEarlyBoot(root, kernel, directory);
    await leaveOut(root, kernel, recipe);
    await run(['tar', '--extract', '--keep-directory-symlink', '--directory', root, '--file', join(parts.zfs.directory, 'modules.tar')]);
    await run(['depmod', '--basedir', root, kernel]);
    await addFiles(root);
    await run(['chroot', root, 'systemctl', 'preset-all']);
    await finishUpdates(root);
    await compress(root, join(directory, 'platform.squashfs'));
  });
}

/**
 * What is ours of the root, as a layer of its own, since it changes with every commit and the rest seldom: the executable
 * under each of its names. The part holds `zonewright.squashfs`.
 */
export async function ourLayer(workshop: Workshop, executable: Part): Promise<Part> {
  return part(workshop, 'layer', [executable.key, await readFile(import.meta.filename, 'utf8')], async (directory) => {
    const root = join(directory, 'root');
    const place = join(root, PROGRAM_FILES);
    await mkdir(join(place, 'bin'), { recursive: true, mode: 0o755 });
    await mkdir(join(root, 'usr/sbin'), { mode: 0o755 });
    await cp(join(executable.directory, 'zonewright'), join(place, 'zonewright'));
    await cp(join(executable.directory, 'files'), place, { recursive: true });
    for (const command of [...COMMANDS, ...INTERNAL]) await symlink('../zonewright', join(place, 'bin', command));
    for (const command of COMMANDS) await symlink(join(PROGRAM_FILES, 'bin', command), join(root, 'usr/sbin', command));
    // Older than everything below it, or systemd would take /usr for updated and prepare the root anew at every boot.
    await compress(root, join(directory, 'zonewright.squashfs'), ['-all-time', '1']);
  });
}

async function compress(root: string, file: string, more: readonly string[] = []): Promise<void> {
  await run(['mksquashfs', root, file, ...more, '-comp', 'zstd', '-Xcompression-level', '19', '-b', '512K', '-noappend', '-quiet', '-no-progress']);
  await rm(root, { recursive: true, force: true });
}

/** Before the big root is there, the kernel can load only what lies beside it. */
async function takeForEarlyBoot(root: string, kernel: string, directory: string): Promise<void> {
  const early = join(directory, 'early');
  await mkdir(join(early, 'modules'), { recursive: true });
  await cp(join(root, 'usr/bin/busybox'), join(early, 'busybox'));
  await cp(join(root, `boot/vmlinuz-${kernel}`), join(directory, 'vmlinuz'));
  for (const module of ['drivers/block/loop', 'fs/squashfs/squashfs', 'fs/overlayfs/overlay']) {
    const name = module.split('/').at(-1) ?? module;
    const compressed = join(root, `usr/lib/modules/${kernel}/kernel/${module}.ko.xz`);
    const plain = join(early, 'modules', `${name}.ko`);
    await cp(compressed, `${plain}.xz`);
    await run(['xz', '--decompress', `${plain}.xz`]);
  }
}

async function leaveOut(root: string, kernel: string, recipe: Recipe): Promise<void> {
  const paths = [...recipe.leaveOut, ...recipe.leaveOutModules.map((folder) => `usr/lib/modules/${kernel}/kernel/${folder}`)];
  for (const path of paths) await rm(join(root, path), { recursive: true, force: true });
}

async function addFiles(root: string): Promise<void> {
  await cp(FILES, root, { recursive: true });
  // A node has an identity of its own only when its pool gives it one.
  await writeFile(join(root, 'etc/machine-id'), '');
  for await (const key of glob('etc/ssh/ssh_host_*', { cwd: root })) await rm(join(root, key));
  await rm(join(root, 'etc/hostname'), { force: true });
}

/** What systemd would otherwise make anew at every boot, since the root it finds is always the same. */
async function finishUpdates(root: string): Promise<void> {
  await run(['chroot', root, 'ldconfig']);
  await run(['chroot', root, 'journalctl', '--update-catalog']);
  for (const directory of ['etc', 'var']) await writeFile(join(root, directory, '.updated'), '');
}

async function digestOfFiles(): Promise<string> {
  const hash = createHash('sha256');
  for (const { path, mode } of filesBelow(FILES)) hash.update(`${path}\0${mode}\0`).update(await readFile(join(FILES, path)));
  return hash.digest('hex');
}
