/** Images in the database. */
import type { Queries } from '../db/database.ts';
import type { WireObject } from '../services.ts';
import { imageErrors } from './errors.ts';
import type { StoredFile } from './files.ts';

/** An image: what is on the wire, and what is known of its file. */
export interface ImageRow {
  readonly manifest: Manifest;
  readonly file: StoredFile | null;
}

/** A manifest as it is stored and answered. */
export interface Manifest extends WireObject {
  readonly uuid: string;
  readonly owner: string;
  readonly state: State;
  readonly public: boolean;
  readonly acl?: readonly string[];
  readonly origin?: string;
}

export type State = 'active' | 'unactivated' | 'disabled' | 'creating' | 'failed';

/** @param lock keep others from changing it until the transaction ends */
export async function readImage(queries: Queries, uuid: string, lock = false): Promise<ImageRow | undefined> {
  return (await queries.query<ImageRow>(`SELECT manifest, file FROM images WHERE uuid = $1${lock ? ' FOR UPDATE' : ''}`, [uuid]))[0];
}

/** @throws ImageUuidAlreadyExists */
export async function insertImage(queries: Queries, manifest: Manifest): Promise<void> {
  const made = await queries.query('INSERT INTO images (uuid, manifest) VALUES ($1, $2::jsonb) ON CONFLICT DO NOTHING RETURNING uuid', [manifest.uuid, JSON.stringify(manifest)]);
  if (made.length === 0) throw imageErrors.ImageUuidAlreadyExists({ uuid: manifest.uuid });
}

export async function writeImage(queries: Queries, { manifest, file }: ImageRow): Promise<void> {
  await queries.query('UPDATE images SET manifest = $2::jsonb, file = $3::jsonb WHERE uuid = $1', [manifest.uuid, JSON.stringify(manifest), file === null ? null : JSON.stringify(file)]);
}

export async function deleteImage(queries: Queries, uuid: string): Promise<void> {
  await queries.query('DELETE FROM images WHERE uuid = $1', [uuid]);
}

/** Images that stand on one, at most a few of them. */
export async function dependentImages(queries: Queries, uuid: string): Promise<string[]> {
  return (await queries.query<{ uuid: string }>('SELECT uuid FROM images WHERE origin = $1 ORDER BY uuid LIMIT 5', [uuid])).map((row) => row.uuid);
}

/** Whether some image has the file. */
export async function isFileUsed(queries: Queries, sha256: string): Promise<boolean> {
  return (await queries.query('SELECT 1 FROM images WHERE sha256 = $1 LIMIT 1', [sha256])).length > 0;
}

/** Whether an account may see an image: its own, and activated ones that are public or granted to it. */
export function isVisible({ owner, state, public: open, acl }: Manifest, account: string): boolean {
  return owner === account || ((state === 'active' || state === 'disabled') && (open || (acl ?? []).includes(account)));
}
