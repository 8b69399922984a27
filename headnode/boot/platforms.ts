import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { namesIn } from '../../host/files/names-in.ts';
import type { WireObject } from '../services.ts';

/**
 * The platform images in a directory, one folder for each: its stamp is its name (control-plane §2.1). One with
 * `platform/x86_64/vmlinuz` is Linux, others are SmartOS'.
 */
export async function listPlatforms(directory: string, { withOs }: { readonly withOs: boolean }): Promise<WireObject> {
  const stamps = (await namesIn(directory)).filter((name) => /^\d{8}T\d{6}Z$/.test(name)).toSorted();
  const latest = stamps.at(-1);
  const entries = stamps.map(async (stamp) => {
    const os = withOs ? { os: (await isThere(join(directory, stamp, 'platform/x86_64/vmlinuz'))) ? 'linux' : 'smartos' } : {};
    return [stamp, { ...os, ...(stamp === latest ? { latest: true } : {}) }] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}


async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(() => true, () => false);
}
