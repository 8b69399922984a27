/** ListImages: its filters as SQL (reference/imgadm §3.3). Values are parameters throughout. */
import { z } from 'zod';
import type { Queries } from '../db/database.ts';
import { booleanParam, limitParam, uuidParam } from '../http/params.ts';
import type { WireObject } from '../services.ts';
import { imageErrors } from './errors.ts';
import type { Manifest } from './rows.ts';

const text = z.string().max(1024);

const filterSchema = z.looseObject({
  account: uuidParam.optional(),
  owner: uuidParam.optional(),
  state: z.enum(['active', 'unactivated', 'disabled', 'creating', 'failed', 'all']).default('active'),
  name: text.optional(),
  version: text.optional(),
  os: text.optional(),
  type: text.optional(),
  public: booleanParam.optional(),
  uuid: uuidParam.optional(),
  billing_tag: z.union([text, z.array(text)]).optional(),
  limit: limitParam.optional(),
  marker: text.optional(),
  sort: z.enum(['published_at', 'published_at.asc', 'published_at.desc']).default('published_at'),
});

interface Conditions {
  readonly parts: string[];
  readonly values: unknown[];
}

/** The images that pass all filters, in the order of their publication. A marker, itself included, is where they begin. @throws ZodError, InvalidParameter */
export async function listImages(queries: Queries, wanted: WireObject, mostRows: number): Promise<Manifest[]> {
  const filter = filterSchema.parse(wanted);
  const conditions: Conditions = { parts: ['true'], values: [] };
  const { account, owner, state, public: open, uuid, billing_tag: billing } = filter;
  if (account !== undefined) {
    const [own, granted] = [next(conditions, account), next(conditions, JSON.stringify([account]))];
    conditions.parts.push(`(owner = ${own} OR (state IN ('active', 'disabled') AND (public OR manifest->'acl' @> ${granted}::jsonb)))`);
  }
  if (owner !== undefined) conditions.parts.push(`owner = ${next(conditions, owner)}`);
  if (uuid !== undefined) conditions.parts.push(`uuid = ${next(conditions, uuid)}`);
  if (state !== 'all') conditions.parts.push(`state = ${next(conditions, state)}`);
  if (open !== undefined) conditions.parts.push(`public = ${next(conditions, open)}`);
  for (const field of ['name', 'version', 'os', 'type'] as const) if (filter[field] !== undefined) conditions.parts.push(textMatches(conditions, field, filter[field]));
  for (const tag of [billing ?? []].flat()) conditions.parts.push(`manifest->'billing_tags' @> ${next(conditions, JSON.stringify([tag]))}::jsonb`);
  for (const [key, value] of Object.entries(filter)) if (key.startsWith('tag.')) conditions.parts.push(tagMatches(conditions, key.slice('tag.'.length), value));
  const descending = filter.sort.endsWith('.desc');
  if (filter.marker !== undefined) conditions.parts.push(await fromMarker(queries, conditions, filter.marker, descending));
  const direction = descending ? 'DESC' : 'ASC';
  const rows = await queries.query<{ manifest: Manifest }>(
    `SELECT manifest FROM images WHERE ${conditions.parts.join(' AND ')} ORDER BY position ${direction}, uuid ${direction} LIMIT ${next(conditions, filter.limit ?? mostRows)}`,
    conditions.values,
  );
  return rows.map(({ manifest }) => manifest);
}

/** @returns how SQL names the value */
function next({ values }: Conditions, value: unknown): string {
  return `$${values.push(value)}`;
}

/** `~part` for a part of the text, `!text` for another one. */
function textMatches(conditions: Conditions, field: string, wanted: string): string {
  const column = `manifest->>'${field}'`;
  if (wanted.startsWith('~')) return `strpos(${column}, ${next(conditions, wanted.slice(1))}::text) > 0`;
  if (wanted.startsWith('!')) return `${column} IS DISTINCT FROM ${next(conditions, wanted.slice(1))}::text`;
  return `${column} = ${next(conditions, wanted)}::text`;
}

function tagMatches(conditions: Conditions, tag: string, value: unknown): string {
  return `manifest->'tags'->>${next(conditions, tag)}::text = ${next(conditions, String(value))}::text`;
}

async function fromMarker(queries: Queries, conditions: Conditions, marker: string, descending: boolean): Promise<string> {
  const sign = descending ? '<=' : '>=';
  if (/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(marker)) return `position ${sign} ${next(conditions, marker)}::text`;
  const uuid = uuidParam.safeParse(marker);
  const [at] = uuid.success ? await queries.query<{ position: string }>('SELECT position FROM images WHERE uuid = $1', [uuid.data]) : [];
  if (!at || !uuid.success) throw imageErrors.InvalidParameter({ reason: `marker "${marker}" is neither an image nor a date` });
  return `(position, uuid) ${sign} (${next(conditions, at.position)}::text, ${next(conditions, uuid.data)}::uuid)`;
}
