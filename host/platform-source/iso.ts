import { listIso, readIsoFile, type IsoEntry } from '../iso9660/iso-files.ts';
import { signatureErrors } from '../signature/errors.ts';
import { MANIFEST, SIGNATURE } from '../signature/platform.ts';
import { sourceErrors } from './errors.ts';
import type { PlatformFiles } from './gather.ts';

/** The image on a Zonewright ISO: a file, or the CD or USB stick that it was written to. It lies in some directory not far from the root. */
export async function filesInIso(image: string): Promise<PlatformFiles> {
  const entries = await platformIn(image, '/', DEPTH);
  if (!entries) throw sourceErrors.PlatformArchiveUnsafe({ archive: image, reason: `there is no ${MANIFEST} in it` });
  return {
    place: image,
    open(name) {
      const entry = entries.find((one) => one.name === name && !one.isDirectory);
      if (entry) return Promise.resolve(readIsoFile(image, entry));
      if (name === SIGNATURE) throw signatureErrors.PlatformUnsigned({ directory: image });
      throw signatureErrors.PlatformFileMissing({ directory: image, file: name });
    },
  };
}

const DEPTH = 4;
const MOST_DIRECTORIES = 32;

async function platformIn(image: string, path: string, depth: number): Promise<IsoEntry[] | undefined> {
  const entries = await listIso(image, path);
  if (entries.some(({ name, isDirectory }) => name === MANIFEST && !isDirectory)) return entries;
  if (depth === 0) return undefined;
  for (const { name } of entries.filter(({ isDirectory }) => isDirectory).slice(0, MOST_DIRECTORIES)) {
    const found = await platformIn(image, `${path}${name}/`, depth - 1);
    if (found) return found;
  }
  return undefined;
}
