import { existsSync } from 'node:fs';
import { glob, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../host/run/run.ts';
import { mergeAccountFiles } from './account-files.ts';
import { keepIdentity } from './identity.ts';

/**
 * The directories of an overlay over /etc, inside the dataset that keeps it: `upper` holds what this node changed, `base` the
 * account files of the image as they were at its last boot, `work` is the kernel's.
 */
export function etcLayers(store: string): { readonly upper: string; readonly work: string; readonly base: string } {
  return { upper: join(store, 'upper'), work: join(store, 'work'), base: join(store, 'base') };
}

/** What the image brings or a boot writes anew each time, below /etc. Kept, it would hide what a newer platform has. */
const NOT_KEPT = [
  'zonewright-platform',
  'zonewright/{node.json,server-uuid}',
  '.updated',
  'ld.so.cache',
  'mtab',
  'systemd/system/zonewright-*.{service,target,timer,socket,path,mount}',
  'systemd/system/*.{wants,requires}/zonewright-*',
] as const;

/** Without these the kernel would tie the upper layer to this very image, and refuse or mix up a newer one. */
const FOR_ANY_LOWER = 'index=off,metacopy=off,redirect_dir=off,xino=off,nfs_export=off';

export interface EtcPlaces {
  /** The mounted dataset. What /etc has in memory goes into it when it is new. */
  readonly store: string;
  readonly etc: string;
  /** Where init left the layers of the root. */
  readonly system: string;
  readonly serverUuid: string;
}

/**
 * The writable layer over /etc. A file of it is on disk when the program that wrote it returns; a file that nobody changed
 * is the image's, of whichever version that is.
 */
export async function mountEtc({ store, etc, system, serverUuid }: EtcPlaces): Promise<void> {
  const { upper, work, base } = etcLayers(store);
  if (!existsSync(upper)) await adopt(join(system, 'layer/upper/etc'), upper);
  for await (const path of glob([...NOT_KEPT], { cwd: upper })) await rm(join(upper, path), { recursive: true, force: true });
  await keepIdentity({ upper, etc, serverUuid });
  await mergeAccountFiles({ upper, base, image: join(system, 'image/platform/etc') });
  await mkdir(work, { recursive: true, mode: 0o700 });
  await run(['mount', '-t', 'overlay', '-o', `lowerdir=${etc},upperdir=${upper},workdir=${work},${FOR_ANY_LOWER}`, 'etc', etc]);
}

/** Made under another name, so that a power cut leaves none or a whole one. */
async function adopt(inMemory: string, upper: string): Promise<void> {
  const unfinished = `${upper}.new`;
  await rm(unfinished, { recursive: true, force: true });
  if (existsSync(inMemory)) await run(['cp', '--archive', '--', inMemory, unfinished]);
  else await mkdir(unfinished, { mode: 0o755 });
  await rename(unfinished, upper);
}
