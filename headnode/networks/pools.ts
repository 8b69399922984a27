/** Network pools: networks of one family that stand in for each other, in the order in which they are tried. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { isUuid } from '../../host/config/units.ts';
import type { Database, Queries } from '../db/database.ts';
import { headErrors } from '../errors.ts';
import type { WireObject } from '../services.ts';
import { invalid, invalidParameters, readParameters } from './field-errors.ts';
import { description, list, networkName, owner, paging, tagName, uuid } from './values.ts';

const members = list(uuid, 64).refine((networks) => networks.length > 0, { error: 'must name at least one network' });
const changeable = { description: description.optional(), owner_uuids: list(owner).optional() };
const newPool = z.strictObject({ uuid: uuid.optional(), name: networkName, networks: members, ...changeable });
const poolChange = z.strictObject({ name: networkName.optional(), networks: members.optional(), ...changeable });
const poolFilter = z.strictObject({ name: list(networkName, 1000).optional(), uuid: list(uuid, 1000).optional(), networks: list(uuid).optional(), provisionable_by: owner.optional(), nic_tag: list(tagName).optional(), ...paging });

export interface Pool {
  readonly uuid: string;
  readonly name: string;
  readonly description: string | null;
  readonly networks: readonly string[];
  readonly owner_uuids: readonly string[];
  readonly family: 4 | 6;
  readonly nic_tags_present: readonly string[];
}

const POOLS = `
  SELECT p.uuid, p.name, p.description, p.networks, p.owner_uuids, of.family, of.nic_tags_present FROM network_pools p
  CROSS JOIN LATERAL (
    SELECT min(n.family) AS family, array_agg(DISTINCT n.nic_tag) AS nic_tags_present FROM networks n WHERE n.uuid = ANY(p.networks)
  ) AS of`;

/** A pool as it is on the wire. `nic_tag` is the first one, for clients that know only one. */
export function poolObject({ family, description: text, owner_uuids, nic_tags_present, ...pool }: Pool): WireObject {
  return {
    ...pool,
    family: family === 4 ? 'ipv4' : 'ipv6',
    nic_tag: nic_tags_present[0],
    nic_tags_present,
    ...(text !== null && { description: text }),
    ...(owner_uuids.length > 0 && { owner_uuids }),
  };
}

export async function findPool(db: Queries, idOrName: string): Promise<Pool | undefined> {
  const [pool] = await db.query<Pool>(`${POOLS} WHERE ${isUuid(idOrName) ? 'p.uuid' : 'p.name'} = $1`, [idOrName]);
  return pool;
}

/** @throws ResourceNotFound */
export async function getPool(db: Queries, idOrName: string): Promise<Pool> {
  const pool = await findPool(db, idOrName);
  if (!pool) throw headErrors.ResourceNotFound({ what: `network pool ${idOrName}` });
  return pool;
}

export async function listPools(db: Queries, parameters: unknown = {}): Promise<readonly Pool[]> {
  const filter = readParameters(poolFilter, parameters);
  return await db.query<Pool>(
    `${POOLS}
     WHERE ($1::text[] IS NULL OR p.name = ANY($1)) AND ($2::uuid[] IS NULL OR p.uuid = ANY($2)) AND ($3::uuid[] IS NULL OR p.networks && $3)
       AND ($4::text IS NULL OR p.owner_uuids = '{}' OR $4 = ANY(p.owner_uuids)) AND ($5::text[] IS NULL OR of.nic_tags_present && $5)
     ORDER BY p.name LIMIT $6 OFFSET $7`,
    [filter.name, filter.uuid, filter.networks, filter.provisionable_by, filter.nic_tag, filter.limit, filter.offset],
  );
}

/** @throws InvalidParameters */
export async function createPool(db: Database, parameters: unknown): Promise<Pool> {
  const given = readParameters(newPool, parameters);
  const id = given.uuid ?? randomUUID();
  return await db.transaction(
    async (queries) => {
      await requireFit(queries, { ...given, uuid: id });
      const [row] = await queries.query('INSERT INTO network_pools (uuid, name, description, networks, owner_uuids) VALUES ($1, $2, $3, $4::uuid[], $5::text[]) ON CONFLICT DO NOTHING RETURNING uuid', [id, given.name, given.description, given.networks, given.owner_uuids ?? []]);
      if (!row) throw invalidParameters(invalid('name', `there is a network pool ${given.name} already, or one of that uuid`, 'Duplicate'));
      return await getPool(queries, id);
    },
    { isolation: 'read committed' },
  );
}

/** @throws ResourceNotFound, InvalidParameters */
export async function updatePool(db: Database, idOrName: string, parameters: unknown): Promise<Pool> {
  const change = readParameters(poolChange, parameters);
  return await db.transaction(
    async (queries) => {
      const pool = await getPool(queries, idOrName);
      await queries.query('SELECT 1 FROM network_pools WHERE uuid = $1 FOR UPDATE', [pool.uuid]);
      const { uuid: id, name, networks, description: text, owner_uuids } = { ...(await getPool(queries, pool.uuid)), ...change };
      await requireFit(queries, { uuid: id, name, networks });
      await queries.query('UPDATE network_pools SET name = $2, networks = $3::uuid[], description = $4, owner_uuids = $5::text[] WHERE uuid = $1', [id, name, networks, text, owner_uuids]);
      return await getPool(queries, id);
    },
    { isolation: 'read committed' },
  );
}

/** @throws ResourceNotFound */
export async function deletePool(db: Database, idOrName: string): Promise<void> {
  const { uuid: id } = await getPool(db, idOrName);
  await db.query('DELETE FROM network_pools WHERE uuid = $1', [id]);
}

/** The members must be there, and stay until the pool is; a pool and a network cannot have one name or uuid. */
async function requireFit(queries: Queries, { uuid: id, name, networks }: { readonly uuid: string; readonly name: string; readonly networks: readonly string[] }): Promise<void> {
  const twice = networks.filter((network, index) => networks.indexOf(network) !== index);
  if (twice.length > 0) throw invalidParameters(invalid('networks', `${twice.join(', ')} is named twice`));
  const rows = await queries.query<{ uuid: string; family: number }>('SELECT uuid, family FROM networks WHERE uuid = ANY($1::uuid[]) ORDER BY uuid FOR KEY SHARE', [networks]);
  const missing = networks.filter((network) => !rows.some((row) => row.uuid === network));
  if (missing.length > 0) throw invalidParameters(invalid('networks', `there is no network ${missing.join(', ')}`));
  if (new Set(rows.map(({ family }) => family)).size > 1) throw invalidParameters(invalid('networks', 'must all be of one family, ipv4 or ipv6'));
  const [same] = await queries.query<{ uuid: string }>('SELECT uuid FROM networks WHERE name = $1 OR uuid = $2 UNION ALL SELECT uuid FROM network_pools WHERE name = $1 AND uuid <> $2', [name, id]);
  if (same) throw invalidParameters(invalid('name', `${name} is the name of ${same.uuid} already`, 'Duplicate'));
}
