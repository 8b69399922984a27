/** Manifests as a server keeps them: the rules that imgadm has, and what a server adds (reference/imgadm §2.2). */
import { isErrorCode } from '../../host/errors/errors.ts';
import { judgeManifest } from '../../imgadm/index.ts';
import type { WireObject } from '../services.ts';
import { imageErrors, InvalidManifestFields } from './errors.ts';
import type { StoredFile } from './files.ts';
import type { Manifest, State } from './rows.ts';

/** The owner of what belongs to nobody in particular. */
export const NOBODY = '00000000-0000-0000-0000-000000000000';

/** What only the server says of an image; what a client says of it does not count. */
const SERVERS = ['state', 'activated', 'disabled', 'files', 'error', 'icon', 'urn'];

/** What UpdateImage may change. */
const MUTABLE = [
  'owner', 'name', 'version', 'description', 'homepage', 'eula', 'os', 'public', 'acl', 'requirements', 'users', 'billing_tags', 'traits', 'tags',
  'generate_passwords', 'inherited_directories', 'nic_driver', 'disk_driver', 'cpu_type', 'image_size',
];

/**
 * The manifest of a new image out of what a client sent. An image without an owner belongs to everybody: it is public
 * unless it says otherwise; an owner's is private unless it says otherwise.
 * @throws ValidationFailed (422) with `errors[]`
 */
export async function newManifest(input: WireObject, given: { readonly uuid: string; readonly owner?: string | undefined; readonly state: State }): Promise<Manifest> {
  const { uuid, state } = given;
  const said = Object.fromEntries(Object.entries(input).filter(([field, value]) => !SERVERS.includes(field) && value !== null));
  const owner = given.owner ?? said['owner'] ?? NOBODY;
  const flag = said['public'] ?? owner === NOBODY;
  return await judged({ v: 2, ...said, uuid, owner, public: flag === true || flag === 'true', state, disabled: state === 'disabled' });
}

/** A manifest with fields of it changed; null takes one away. @throws ValidationFailed (422), InvalidParameter on fields that stay as they are */
export async function changedManifest(manifest: Manifest, changes: WireObject): Promise<Manifest> {
  const fixed = Object.keys(changes).filter((field) => !MUTABLE.includes(field));
  if (fixed.length > 0) throw imageErrors.InvalidParameter({ reason: `${fixed.join(', ')} of an image cannot be changed` });
  const flag = changes['public'] ?? manifest.public;
  const next = { ...manifest, ...changes, public: flag === true || flag === 'true' };
  return await judged(Object.fromEntries(Object.entries(next).filter(([, value]) => value !== null)));
}

/** A manifest in another state. */
export function inState(manifest: Manifest, state: State): Manifest {
  return { ...manifest, state, disabled: state === 'disabled' };
}

/** What a manifest says of its file. */
export function manifestFile({ sha1, sha256, size }: StoredFile): WireObject {
  return { sha1, sha256, size };
}

async function judged(value: WireObject): Promise<Manifest> {
  const result = await judgeManifest(value).catch((error: unknown) => {
    if (isErrorCode(error, 'InvalidManifest')) throw imageErrors.InvalidParameter({ reason: error.message });
    throw error;
  });
  if ('problems' in result) throw new InvalidManifestFields(result.problems.map(({ field, message, missing }) => ({ field, code: missing ? 'MissingParameter' : 'Invalid', message })));
  return result.manifest as WireObject as Manifest;
}
