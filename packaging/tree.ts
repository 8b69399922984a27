/** The files of the package as they lie below the root of a host. */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { fuseCredentialsLibrary } from '../host/zfs/fuse-credentials/build.ts';
import { installProgram, PROGRAM_FILES } from '../images/platform/executable.ts';
import type { Part } from '../images/platform/parts.ts';
import { PACKAGED_UNITS, unitTexts } from '../node/setup/systemd.ts';
import { completionFiles } from './completion.ts';
import { thirdPartyLicenses } from './licenses.ts';

const ROOT = join(import.meta.dirname, '..');
const MAINTAINER = join(import.meta.dirname, 'maintainer');
const LIBRARY = join(PROGRAM_FILES, 'host/zfs/fuse-credentials/fuse-credentials.so');

export interface TreeOptions {
  readonly executable: Part;
  /** Manual pages, by path. */
  readonly manual: readonly string[];
  /** Debian's changelog. */
  readonly changelog: string;
}

/** Lay everything out below a directory. */
export async function layOut(root: string, { executable, manual, changelog }: TreeOptions): Promise<void> {
  await installProgram(executable, root);
  const library = await fuseCredentialsLibrary();
  if (library === undefined) throw new Error('the library of zfs-fuse needs gcc to be built');
  await place(root, LIBRARY, await readFile(library));
  for (const [name, text] of unitTexts(join(PROGRAM_FILES, 'bin/zonewright'), { LD_PRELOAD: LIBRARY })) await place(root, join(PACKAGED_UNITS, name), text);
  for (const page of manual) await place(root, `/usr/share/man/man${page.at(-1) ?? ''}/${basename(page)}.gz`, compressed(await readFile(page)));
  for (const [path, text] of completionFiles()) await place(root, path, text);
  const documents = '/usr/share/doc/zonewright';
  await place(root, join(documents, 'copyright'), await readFile(join(MAINTAINER, 'copyright')));
  await place(root, join(documents, 'third-party-licenses.gz'), compressed(await thirdPartyLicenses()));
  await place(root, join(documents, 'changelog.gz'), compressed(changelog));
  await place(root, join(documents, 'CHANGELOG.md.gz'), compressed(await readFile(join(ROOT, 'CHANGELOG.md'))));
  await place(root, '/usr/share/lintian/overrides/zonewright', await readFile(join(MAINTAINER, 'lintian-overrides')));
}

/** Without a time inside, so that the same content is the same file. */
function compressed(content: string | Buffer): Buffer {
  return gzipSync(content, { level: 9 });
}

async function place(root: string, path: string, content: string | Buffer): Promise<void> {
  const target = join(root, path);
  await mkdir(dirname(target), { recursive: true, mode: 0o755 });
  await writeFile(target, content);
  await chmod(target, 0o644);
}
