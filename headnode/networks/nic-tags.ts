/** Nic tags: the names of physical networks, the same on all nodes. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Database } from '../db/database.ts';
import { sqlState } from '../db/retry.ts';
import { headErrors } from '../errors.ts';
import type { WireObject } from '../services.ts';
import { inUse, invalid, invalidParameters, readParameters } from './field-errors.ts';
import { integer, paging, tagName, uuid } from './values.ts';

const mtu = integer(1500, 9000);
const newTag = z.strictObject({ name: tagName, uuid: uuid.optional(), mtu: mtu.default(1500) });
const tagChange = z.strictObject({ mtu });

interface NicTagRow {
  readonly name: string;
  readonly uuid: string;
  readonly mtu: number;
}

/** @throws InvalidParameters */
export async function createNicTag(db: Database, parameters: unknown): Promise<WireObject> {
  const tag = readParameters(newTag, parameters);
  const [row] = await db.query<NicTagRow>('INSERT INTO nic_tags (name, uuid, mtu) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING name, uuid, mtu', [tag.name, tag.uuid ?? randomUUID(), tag.mtu]);
  if (!row) throw invalidParameters(invalid('name', `${tag.name} exists already, or its uuid does`, 'Duplicate'));
  return { ...row };
}

export async function listNicTags(db: Database, parameters: unknown = {}): Promise<readonly WireObject[]> {
  const { limit, offset } = readParameters(z.strictObject(paging), parameters);
  return await db.query<NicTagRow & WireObject>('SELECT name, uuid, mtu FROM nic_tags ORDER BY name LIMIT $1 OFFSET $2', [limit, offset]);
}

/** @throws ResourceNotFound */
export async function getNicTag(db: Database, name: string): Promise<WireObject> {
  const [row] = await db.query<NicTagRow & WireObject>('SELECT name, uuid, mtu FROM nic_tags WHERE name = $1', [name]);
  if (!row) throw headErrors.ResourceNotFound({ what: `nic tag ${name}` });
  return row;
}

/** @throws ResourceNotFound, InvalidParameters */
export async function updateNicTag(db: Database, name: string, parameters: unknown): Promise<WireObject> {
  const change = readParameters(tagChange, parameters);
  await db.query('UPDATE nic_tags SET mtu = $2 WHERE name = $1', [name, change.mtu]);
  return await getNicTag(db, name);
}

/** @throws ResourceNotFound, InUse while a network is on it */
export async function deleteNicTag(db: Database, name: string): Promise<void> {
  await getNicTag(db, name);
  try {
    await db.query('DELETE FROM nic_tags WHERE name = $1', [name]);
  } catch (error) {
    if (sqlState(error) !== FOREIGN_KEY_VIOLATION) throw error;
    const users = await db.query<{ uuid: string }>('SELECT uuid FROM networks WHERE nic_tag = $1 ORDER BY name LIMIT 20', [name]);
    throw inUse(`nic tag ${name}`, users.map(({ uuid: id }) => ({ type: 'network', id })));
  }
}

export const FOREIGN_KEY_VIOLATION = '23503';
