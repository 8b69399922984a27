import { z } from 'zod';
import { signatureErrors } from './errors.ts';

/** Version of a platform image: when it was built, in UTC. */
export const platformStampSchema = z.string().regex(/^\d{8}T\d{6}Z$/);

const fileFacts = z.strictObject({ size: z.int().positive(), sha256: z.string().regex(/^[0-9a-f]{64}$/) });
/** A name in the image's own directory: never a path, and none of the files that the manifest cannot speak for. */
const fileName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/).refine((name) => !RESERVED.has(name));
const RESERVED: ReadonlySet<string> = new Set(['manifest.json', 'manifest.json.sig', 'sha256sums']);

/** Facts that another version of Zonewright adds are kept and not looked at. */
const manifestSchema = z.looseObject({
  v: z.literal(1),
  name: z.literal('zonewright-platform'),
  version: platformStampSchema,
  architecture: z.literal('x86_64'),
  kernel: z.string(),
  zfs: z.string(),
  files: z.record(fileName, fileFacts).refine((files) => Object.hasOwn(files, 'vmlinuz') && Object.hasOwn(files, 'initramfs')),
});

/** What a platform image says of itself; `files` holds size and sha256 of each of its files. */
export type PlatformManifest = Readonly<z.infer<typeof manifestSchema>>;
export type FileFacts = Readonly<z.infer<typeof fileFacts>>;

/** The manifest that these bytes hold. Its signature must have been checked before. @throws PlatformManifestInvalid */
export function parseManifest(bytes: Uint8Array): PlatformManifest {
  const result = manifestSchema.safeParse(jsonOf(bytes));
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw signatureErrors.PlatformManifestInvalid({ reason: `${['manifest', ...(issue?.path ?? [])].map(String).join('.')}: ${issue?.message ?? 'invalid'}` });
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw signatureErrors.PlatformManifestInvalid({ reason: 'it is not JSON' });
  }
}
