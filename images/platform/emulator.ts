import { cp, mkdir, readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { run } from '../../host/run/run.ts';
import { CACHE } from './build.ts';
import { debianRoot } from './debian-root.ts';
import { part } from './parts.ts';
import { debianSources, readPlatformRecipe } from './sources.ts';

/** The platform's own QEMU, on this host, to try images with where the processor does not help. */
export interface Emulator {
  /** Begins the command line of a machine; what follows are QEMU's options. Paths below `/usr` are the platform's for it. */
  readonly argv: readonly [string, ...string[]];
  /** A directory with the variables of UEFI as they are at first, `OVMF_VARS_4M.fd`, to copy. */
  readonly uefi: string;
}

/** UEFI, for QEMU. */
export const OVMF = '/usr/share/OVMF/OVMF_CODE_4M.fd';
/** All that QEMU can emulate, but for a fifth level of page tables, which are walked at every turn. */
export const EMULATED_PROCESSOR = 'max,la57=off';
const QEMU = 'usr/bin/qemu-system-x86_64';
const LIBRARIES = 'usr/lib/x86_64-linux-gnu';
const LOADER = 'usr/lib64';
const UEFI = 'usr/share/OVMF';
const FIRMWARE = ['usr/share/qemu', 'usr/share/seabios', UEFI];

/**
 * Take QEMU and its firmware out of the platform's Debian packages. A host's own may be years older: that of Debian 12 needs a
 * quarter more processor time to boot a platform, and takes four times as long for a checksum with AVX.
 */
export async function platformEmulator(options: { readonly cache?: string; say(line: string): void }): Promise<Emulator> {
  const workshop = { cache: options.cache ?? CACHE, say: (line: string) => options.say(line) };
  const { suite, packages } = await readPlatformRecipe();
  const debian = await debianRoot(workshop, 'debian', { suite, sources: await debianSources(suite), packages });
  const inputs = [debian.key, await readFile(import.meta.filename, 'utf8')];
  const { directory } = await part(workshop, 'emulator', inputs, (target) => takeOut(join(debian.directory, 'root.tar'), target));
  return { argv: ['unshare', '--mount', '--propagation', 'private', '--', 'sh', '-c', `mount --bind "$0" /usr && exec /${QEMU} "$@"`, join(directory, 'usr')], uefi: join(directory, UEFI) };
}

async function takeOut(packages: string, target: string): Promise<void> {
  const root = join(target, 'root');
  await mkdir(root);
  await run(['tar', '--extract', '--directory', root, '--file', packages, ...[QEMU, LIBRARIES, LOADER, ...FIRMWARE].map((path) => `./${path}`)]);
  const libraries = await librariesOf(root);
  for (const path of [QEMU, ...libraries]) await cp(join(root, path), join(target, path), { dereference: true });
  for (const path of [LOADER, ...FIRMWARE]) await cp(join(root, path), join(target, path), { recursive: true, verbatimSymlinks: true });
  await rm(root, { recursive: true });
}

/** Those that QEMU is linked with, and what loads them. */
async function librariesOf(root: string): Promise<string[]> {
  const loader = join(LIBRARIES, 'ld-linux-x86-64.so.2');
  const { stdout } = await run([join(root, loader), '--library-path', join(root, LIBRARIES), '--list', join(root, QEMU)]);
  return [loader, ...[...stdout.matchAll(/ => (\/\S+) \(/g)].map(([, path = '']) => relative(root, path))];
}
