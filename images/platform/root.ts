import { cp, glob, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../../host/run/run.ts';
import { kernelIn } from './debian-root.ts';
import { part, type Part, type Workshop } from './parts.ts';
import type { Recipe } from './sources.ts';

const PRESET = join(import.meta.dirname, 'files/etc/systemd/system-preset/00-zonewright.preset');

/**
 * What is not ours of a platform's root file system, compressed as it will lie in memory: Debian's packages without what no running
 * node needs, and OpenZFS. The part holds `platform.squashfs`, `vmlinuz` and the few things that the
 * initramfs needs, in `early/`.
 */
export async function platformRoot(workshop: Workshop, recipe: Recipe, parts: { readonly debian: Part; readonly zfs: Part }): Promise<Part> {
  const preset = await presetOfDebian();
  const inputs = [JSON.stringify(recipe), parts.debian.key, parts.zfs.key, preset, await readFile(import.meta.filename, 'utf8')];
  return part(workshop, 'root', inputs, async (directory) => {
    const root = join(directory, 'root');
    await mkdir(root, { mode: 0o755 });
    const kernel = await kernelIn(parts.debian);
    await run(['tar', '--extract', '--numeric-owner', '--same-permissions', '--xattrs', '--directory', root, '--file', join(parts.debian.directory, 'root.tar')]);
    await takeForEarlyBoot(root, kernel, directory);
    await leaveOut(root, kernel, recipe);
    await run(['tar', '--extract', '--keep-directory-symlink', '--directory', root, '--file', join(parts.zfs.directory, 'modules.tar')]);
    await run(['depmod', '--basedir', root, kernel]);
    await takeIdentityAway(root);
    await enableServices(root, preset);
    await finishUpdates(root);
    await compress(root, join(directory, 'platform.squashfs'), 19);
  });
}

/** A root file system as one file that the kernel reads from memory as it is. @param level of zstd: more is smaller and slower to make */
export async function compress(root: string, file: string, level: number, more: readonly string[] = []): Promise<void> {
  // It must not go on writing after us, into what the next build makes there.
  await run(['setpriv', '--pdeathsig', 'KILL', '--', 'mksquashfs', root, file, ...more, '-comp', 'zstd', '-Xcompression-level', String(level), '-b', '512K', '-noappend', '-quiet', '-no-progress']);
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
  for (const path of paths) {
    for await (const found of path.includes('*') ? glob(path, { cwd: root }) : [path]) await rm(join(root, found), { recursive: true, force: true });
  }
}

/** A node has an identity of its own only when its pool gives it one. */
async function takeIdentityAway(root: string): Promise<void> {
  await writeFile(join(root, 'etc/machine-id'), '');
  for await (const key of glob('etc/ssh/ssh_host_*', { cwd: root })) await rm(join(root, key));
  await rm(join(root, 'etc/hostname'), { force: true });
}

/** What the preset says of Debian's services; our own are enabled where they are added. */
async function presetOfDebian(): Promise<string> {
  return (await readFile(PRESET, 'utf8')).split('\n').filter((line) => !/\szonewright/.test(line)).join('\n');
}

async function enableServices(root: string, preset: string): Promise<void> {
  const file = join(root, 'etc/systemd/system-preset/00-zonewright.preset');
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, preset);
  await run(['chroot', root, 'systemctl', 'preset-all']);
}

/** What systemd would otherwise make anew at every boot, since the root it finds is always the same. */
async function finishUpdates(root: string): Promise<void> {
  await run(['chroot', root, 'ldconfig']);
  await run(['chroot', root, 'journalctl', '--update-catalog']);
  for (const directory of ['etc', 'var']) await writeFile(join(root, directory, '.updated'), '');
}
