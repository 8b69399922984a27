import { isDeepStrictEqual } from 'node:util';
import { withLock } from '../../host/lock/lock.ts';
import type { Node } from '../../host/config/node-config.ts';
import type { ImageManifest } from '../manifest/manifest.ts';
import type { FoundImage } from '../sources/all.ts';
import { getImage, isInstalled } from './installed.ts';
import { imageLock } from './names.ts';
import { writeRecord } from './record.ts';

/** What belongs to the content that is installed, whatever a source says of it by now. */
const FIXED = ['v', 'uuid', 'type', 'origin', 'files', 'image_size', 'state', 'activated'];

export type ManifestChange = { readonly what: 'added' } | { readonly what: 'updated'; readonly fields: readonly string[] } | { readonly what: 'none' };

/**
 * Bring what is known of an installed image to what a source says of it now (reference §1.6). What describes the content
 * itself stays.
 * @param save false to see only what would change
 */
export async function updateRecord(node: Node, { manifest, api }: FoundImage, save: boolean): Promise<ManifestChange> {
  const { uuid } = manifest;
  return withLock({ scope: node.paths.config, name: imageLock(uuid), action: 'image update' }, async () => {
    if (!(await isInstalled(node, uuid))) return { what: 'none' };
    const known = await getImage(node, uuid, () => undefined);
    const local = 'name' in known.manifest ? known.manifest : undefined;
    const next = local === undefined ? manifest : merged(local, manifest);
    const fields = local === undefined ? [] : differences(local, next);
    if (local !== undefined && fields.length === 0) return { what: 'none' };
    if (save) await writeRecord(node, { manifest: next, zpool: node.pool, source: api.source.url });
    return local === undefined ? { what: 'added' } : { what: 'updated', fields };
  });
}

function merged(local: ImageManifest, theirs: ImageManifest): ImageManifest {
  return { ...local, ...Object.fromEntries(Object.entries(theirs).filter(([field]) => !FIXED.includes(field))) } as ImageManifest;
}

function differences(local: ImageManifest, next: ImageManifest): string[] {
  return Object.keys(next)
    .filter((field) => !isDeepStrictEqual(local[field], next[field]))
    .flatMap((field) => (field === 'requirements' ? requirementsOf(local, next) : [field]));
}

function requirementsOf(local: ImageManifest, next: ImageManifest): string[] {
  const [before, after] = [local.requirements ?? {}, next.requirements ?? {}];
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].filter((key) => !isDeepStrictEqual(before[key], after[key])).map((key) => `requirements.${key}`);
}
