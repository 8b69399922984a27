import { cp, mkdir, readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { run } from '../../host/run/run.ts';
import { CACHE } from './build.ts';
import { debianRoot } from './debian-root.ts';
import { part } from './parts.ts';
import { debianSources, readPlatformRecipe } from './sources.ts';

/** The platform's own QEMU, on this host, to try images with where the processor does not help. */
export interface Emulator {
  /** Begins the command line of a machine; what follows are QEMU's options. */
  readonly argv: readonly [string, ...string[]];
  /** Files of UEFI: its code, and its variables as they are at first, to copy. */
  readonly uefi: { readonly code: string; readonly variables: string };
}

/** All that QEMU can emulate, but for a fifth level of page tables, which are walked at every turn. */
export const EMULATED_PROCESSOR = 'max,la57=off';
const QEMU = 'usr/bin/qemu-system-x86_64';
const LIBRARIES = 'usr/lib/x86_64-linux-gnu';
const LOADER = `${LIBRARIES}/ld-linux-x86-64.so.2`;
const UEFI = 'usr/share/OVMF';
const ROMS = ['usr/share/qemu', 'usr/share/seabios'];

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
  const at = (path: string): string => join(directory, path);
  return {
    argv: [at(LOADER), '--library-path', at(LIBRARIES), at(QEMU), ...ROMS.flatMap((path) => ['-L', at(path)])],
    uefi: { code: at(`${UEFI}/OVMF_CODE_4M.fd`), variables: at(`${UEFI}/OVMF_VARS_4M.fd`) },
  };
}

/** Options of a machine that boots by UEFI. @param variables its own copy of them, which it writes to */
export function uefiOptions({ uefi }: Pick<Emulator, 'uefi'>, variables: string): string[] {
  return ['-drive', `if=pflash,format=raw,unit=0,readonly=on,file=${uefi.code}`, '-drive', `if=pflash,format=raw,unit=1,file=${variables}`];
}

async function takeOut(packages: string, target: string): Promise<void> {
  const root = join(target, 'root');
  await mkdir(root);
  await run(['tar', '--extract', '--directory', root, '--file', packages, ...[QEMU, LIBRARIES, UEFI, ...ROMS].map((path) => `./${path}`)]);
  const libraries = await librariesOf(root);
  for (const path of [QEMU, ...libraries]) await cp(join(root, path), join(target, path), { dereference: true });
  for (const path of [UEFI, ...ROMS]) await cp(join(root, path), join(target, path), { recursive: true, verbatimSymlinks: true });
  await rm(root, { recursive: true });
}

/** Those that QEMU is linked with, and what loads them. */
async function librariesOf(root: string): Promise<string[]> {
  const { stdout } = await run([join(root, LOADER), '--library-path', join(root, LIBRARIES), '--list', join(root, QEMU)]);
  return [LOADER, ...[...stdout.matchAll(/ => (\/\S+) \(/g)].map(([, path = '']) => relative(root, path))];
}
