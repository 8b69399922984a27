import { cpioArchive, type ArchivedFile } from './cpio.ts';
import type { Machine, Site } from './snapshot.ts';

/** Where the platform's first stage looks for what a boot server hands to it. */
const DIRECTORY = 'boot-modules';

/** All boot modules of a machine, as an archive for the kernel. */
export function modulesArchive(machine: Machine, site: Site): Buffer {
  return cpioArchive(modulesOf(machine, site).map(({ path, content }) => ({ path: `${DIRECTORY}/${path}`, content })));
}

/** The boot modules of a machine: ours, and those of its boot parameters that have other names. */
export function modulesOf(machine: Machine, site: Site): readonly ArchivedFile[] {
  const own = [
    ...(machine.networking === undefined ? [] : [{ path: 'networking.json', content: jsonFile(machine.networking) }]),
    { path: 'head.json', content: jsonFile(site.head) },
  ];
  const given = (machine.params.boot_modules ?? []).map(({ path, content }) => ({ path: path.split('/').filter((part) => part !== '' && part !== '.').join('/'), content: Buffer.from(content, 'base64') }));
  return [...own, ...given.filter(({ path }, index) => path !== '' && !own.some((one) => one.path === path) && given.findIndex((one) => one.path === path) === index)];
}

function jsonFile(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}
