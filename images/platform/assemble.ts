import { createHash, type KeyObject } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { appendFile, cp, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { MANIFEST, SIGNATURE, signManifest } from '../../host/signature/platform.ts';
import type { FileFacts, PlatformManifest } from '../../host/signature/manifest.ts';
import { kernelIn, versionIn } from './debian-root.ts';
import { OWN, writeInitramfs } from './initramfs.ts';
import { writeIso, writeTar } from './media.ts';
import type { Part } from './parts.ts';
import { publicPem } from './signing-key.ts';

export interface Assembly {
  readonly stamp: string;
  readonly debian: Part;
  readonly root: Part;
  readonly layer: Part;
  readonly key: KeyObject;
  /** A directory that is laid over the root of this image alone. */
  readonly extra?: string;
  /** Whether to make the ISO and the tar too. */
  readonly media: boolean;
}

/** Put an image together in `<out>/platform-<stamp>`, signed; it appears there as a whole. @returns that directory */
export async function assemble(out: string, assembly: Assembly): Promise<string> {
  const directory = join(out, `platform-${assembly.stamp}`);
  const work = `${directory}.new`;
  await rm(work, { recursive: true, force: true });
  const image = join(work, `platform-${assembly.stamp}`);
  await mkdir(image, { recursive: true });
  try {
    await layOwnFiles(join(work, OWN), assembly);
    await cp(join(assembly.root.directory, 'vmlinuz'), join(image, 'vmlinuz'));
    await writeInitramfs(join(image, 'initramfs'), work, { root: assembly.root.directory, layer: assembly.layer.directory });
    await cp(join(assembly.debian.directory, 'packages.txt'), join(image, 'packages.txt'));
    await sign(image, assembly);
    if (assembly.media) await addMedia(image, assembly.stamp);
    await rm(directory, { recursive: true, force: true });
    await rename(image, directory);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return directory;
}

/** What tells two images of the same parts from each other. */
async function layOwnFiles(own: string, { stamp, key, extra }: Assembly): Promise<void> {
  await mkdir(join(own, 'etc'), { recursive: true, mode: 0o755 });
  await mkdir(join(own, 'usr/lib/zonewright/keys'), { recursive: true, mode: 0o755 });
  await writeFile(join(own, 'etc/zonewright-platform'), `${JSON.stringify({ version: stamp })}\n`);
  await writeFile(join(own, 'etc/issue'), `Zonewright ${stamp}  \\n  \\4  (\\l)\n\n`);
  await writeFile(join(own, 'usr/lib/zonewright/keys/platform.pem'), publicPem(key));
  if (extra !== undefined) await cp(extra, own, { recursive: true, verbatimSymlinks: true });
}

async function sign(image: string, { stamp, debian, key }: Assembly): Promise<void> {
  const names = ['vmlinuz', 'initramfs', 'packages.txt'];
  const manifest: PlatformManifest = {
    v: 1,
    name: 'zonewright-platform',
    version: stamp,
    architecture: 'x86_64',
    kernel: await kernelIn(debian),
    zfs: await versionIn(debian, 'zfsutils-linux'),
    files: Object.fromEntries(await Promise.all(names.map(async (name) => [name, await factsOf(join(image, name))] as const))),
  };
  const bytes = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
  await writeFile(join(image, MANIFEST), bytes);
  await writeFile(join(image, SIGNATURE), signManifest(bytes, key));
  await addSums(image, [...names, MANIFEST, SIGNATURE]);
}

async function addMedia(image: string, stamp: string): Promise<void> {
  const [tar, iso] = [`platform-${stamp}.tar`, `zonewright-${stamp}.iso`];
  // Neither may hold the other.
  await writeTar(`${image}.tar`, image);
  await writeIso(`${image}.iso`, image, stamp);
  await rename(`${image}.tar`, join(image, tar));
  await rename(`${image}.iso`, join(image, iso));
  await addSums(image, [tar, iso]);
}

/** For people: what `sha256sum --check` reads. */
async function addSums(image: string, names: readonly string[]): Promise<void> {
  for (const name of names) await appendFile(join(image, 'sha256sums'), `${(await factsOf(join(image, name))).sha256}  ${name}\n`);
}

async function factsOf(path: string): Promise<FileFacts> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return { size: (await stat(path)).size, sha256: hash.digest('hex') };
}
