/**
 * The "minimal" rules for manifests (reference §2.2): what an image must say of itself to be installed. Problems are
 * named field by field, as `invalid manifest: uuid (…), files.0.sha1 (…)`.
 */
import { z } from 'zod';
import { imgadmErrors } from '../errors.ts';
import { IMAGE_OSES, IMAGE_TYPES, type ImageManifest } from './manifest.ts';
import { upgradeManifest } from './upgrade.ts';

const uuid = z.string().regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, 'not a uuid');
const flag = z.union([z.boolean(), z.enum(['true', 'false'])]);
const url = z.string().max(1024).regex(/^https?:\/\/\S+$/, 'not an http(s) URL');
const text = (length: number) => z.string().max(length);
const mebibytes = z.int().positive();

const file = z.strictObject({
  sha1: z.string().regex(/^[0-9a-f]{40}$/, 'not a sha1').optional(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'not a sha256').optional(),
  size: z.int().nonnegative().max(20 * 1024 ** 3, 'more than 20 GiB').optional(),
  compression: z.enum(['gzip', 'bzip2', 'xz', 'zstd', 'none']),
  dataset_guid: z.string().regex(/^\d+$/, 'not a ZFS guid').optional(),
  digest: text(128).optional(),
  uncompressedDigest: text(128).optional(),
  stor: text(1024).optional(),
});

const platform = z.record(z.string(), z.string().regex(/^\d{8}T\d{6}Z$/, 'not a platform stamp'));

const requirements = z.strictObject({
  networks: z.array(z.strictObject({ name: text(128), description: text(1024) })).optional(),
  brand: text(64).optional(),
  ssh_key: flag.optional(),
  min_ram: mebibytes.optional(),
  max_ram: mebibytes.optional(),
  min_platform: platform.optional(),
  max_platform: platform.optional(),
  bootrom: z.enum(['bios', 'uefi']).optional(),
});

const manifestSchema = z
  .strictObject({
    v: z.int().min(2).max(2, 'only version 2 is known'),
    uuid,
    owner: uuid.optional(),
    name: z.string().min(1).max(1024).regex(/^[A-Za-z0-9._/ -]+$/, 'characters other than letters, digits and "._/ -"'),
    version: z.string().min(1).max(512).regex(/^[A-Za-z0-9._/+-]+$/, 'characters other than letters, digits and "._/+-"'),
    description: text(10_240).optional(),
    homepage: url.optional(),
    eula: url.optional(),
    icon: flag.optional(),
    urn: text(1024).optional(),
    state: z.enum(['active', 'unactivated', 'disabled', 'creating', 'failed']).optional(),
    error: z.looseObject({ message: z.string() }).optional(),
    disabled: flag.optional(),
    activated: flag.optional(),
    public: flag.optional(),
    published_at: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/, 'not a date like 2026-01-31T12:00:00Z').optional(),
    type: z.enum(IMAGE_TYPES),
    os: z.enum(IMAGE_OSES),
    origin: uuid.optional(),
    files: z.array(file).max(2).optional(),
    acl: z.array(uuid).optional(),
    requirements: requirements.optional(),
    users: z.array(z.strictObject({ name: text(128) })).optional(),
    billing_tags: z.array(text(128)).optional(),
    traits: z.record(z.string(), z.union([z.string(), z.boolean(), z.array(z.string())])).optional(),
    tags: z.record(z.string(), z.unknown()).refine((tags) => JSON.stringify(tags).length <= 100 * 1024, 'more than 100 KiB').optional(),
    generate_passwords: flag.optional(),
    inherited_directories: z.array(text(1024)).optional(),
    nic_driver: text(64).optional(),
    disk_driver: text(64).optional(),
    cpu_type: text(64).optional(),
    image_size: mebibytes.optional(),
    channels: z.array(text(128)).optional(),
  })
  .superRefine((manifest, context) => {
    const volume = manifest.type === 'zvol';
    for (const field of ['nic_driver', 'disk_driver', 'cpu_type', 'image_size'] as const) {
      if (!volume && manifest[field] !== undefined) context.addIssue({ code: 'custom', path: [field], message: 'only for type zvol' });
    }
    if ((manifest.files?.length ?? 0) > 1 && manifest.type !== 'lxd') context.addIssue({ code: 'custom', path: ['files'], message: 'more than one file' });
    const { min_ram, max_ram } = manifest.requirements ?? {};
    if (min_ram !== undefined && max_ram !== undefined && min_ram > max_ram) {
      context.addIssue({ code: 'custom', path: ['requirements', 'min_ram'], message: 'greater than max_ram' });
    }
  });

/**
 * Parse a manifest's text: JSON, brought to version 2, held to the minimal rules. `channels` belong to a server and are
 * dropped (§2.2).
 * @throws InvalidManifest, ManifestValidation
 */
export function parseManifest(json: string): ImageManifest {
  return validateManifest(parseJson(json));
}

/** As `parseManifest`, for a manifest that is an object already. @throws InvalidManifest, ManifestValidation */
export function validateManifest(value: unknown): ImageManifest {
  const result = judgeManifest(value);
  if ('problems' in result) throw imgadmErrors.ManifestValidation({ fields: result.problems.map(({ field, message }) => `${field} (${message})`).join(', ') });
  return result.manifest;
}

/** What is wrong with one field of a manifest. */
export interface ManifestProblem {
  readonly field: string;
  readonly message: string;
  /** It is not there at all. */
  readonly missing: boolean;
}

/** As `validateManifest`, with its problems one by one. @throws InvalidManifest on what is no manifest at all */
export function judgeManifest(value: unknown): { readonly manifest: ImageManifest } | { readonly problems: readonly ManifestProblem[] } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw imgadmErrors.InvalidManifest({ reason: 'it is not a JSON object' });
  const result = manifestSchema.safeParse(upgradeManifest(value as Record<string, unknown>));
  if (!result.success) return { problems: result.error.issues.flatMap((issue) => problemsOf(issue, value)) };
  const { channels: _, ...manifest } = result.data;
  return { manifest: manifest as ImageManifest };
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw imgadmErrors.InvalidManifest({ reason: `it is not JSON: ${(error as Error).message}` });
  }
}

function problemsOf(issue: z.core.$ZodIssue, manifest: object): ManifestProblem[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => ({ field: [...issue.path, key].join('.'), message: 'unknown field', missing: false }));
  return [{ field: issue.path.join('.'), message: issue.message, missing: valueAt(manifest, issue.path) === undefined }];
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((at, key) => (typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined), value);
}
