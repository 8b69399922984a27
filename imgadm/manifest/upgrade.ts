import { imgadmErrors } from '../errors.ts';

type Fields = Record<string, unknown>;

/** What only v1 had and v2 does not say. */
const DROPPED = ['creator_uuid', 'vendor_uuid', 'creator_name', 'cloud_name', 'creator_admin', 'owner_uuid', 'platform_type', 'created_at', 'updated_at', '_url', 'restricted_to_uuid'];

/**
 * Bring a manifest of the first generation (DSAPI: `creator_uuid` and no `v`) to version 2; a v2 manifest passes through.
 * Reference §2.1.
 * @throws InvalidManifest on anything that is neither.
 */
export function upgradeManifest(manifest: Fields): Fields {
  if (manifest['v'] !== undefined) return manifest;
  if (manifest['creator_uuid'] === undefined) throw imgadmErrors.InvalidManifest({ reason: 'it has no "v", the version of its format' });
  const kept = Object.fromEntries(Object.entries(manifest).filter(([field]) => !DROPPED.includes(field)));
  const restricted = manifest['restricted_to_uuid'];
  const disabled = manifest['disabled'] ?? false;
  return {
    ...kept,
    v: 2,
    owner: manifest['creator_uuid'],
    public: restricted === undefined,
    ...(restricted === undefined ? {} : { acl: [restricted] }),
    disabled,
    state: disabled === true || disabled === 'true' ? 'disabled' : 'active',
    ...dateOf(manifest),
    ...(manifest['image_size'] === undefined ? {} : { image_size: Number(manifest['image_size']) }),
    ...(Array.isArray(manifest['files']) ? { files: manifest['files'].map(upgradeFile) } : {}),
  };
}

function dateOf(manifest: Fields): Fields {
  const date = manifest['published_at'] ?? manifest['created_at'];
  if (typeof date !== 'string') return {};
  return { published_at: date.replace(/T(\d\d:\d\d)Z$/, 'T$1:00Z') };
}

function upgradeFile(file: unknown): unknown {
  if (typeof file !== 'object' || file === null) return file;
  const { path, url, ...rest } = file as Fields;
  const name = String(path ?? url ?? '');
  const compression = name.endsWith('.gz') ? 'gzip' : name.endsWith('.bz2') ? 'bzip2' : 'none';
  return { ...rest, compression };
}
