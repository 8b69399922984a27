/** Packages in the database (PAPI). */
import { randomUUID } from 'node:crypto';
import { isUuid } from '../../host/config/units.ts';
import type { Database } from '../db/database.ts';
import { headErrors } from '../errors.ts';
import type { Package, PackageFilter, Packages, WireObject } from '../services.ts';
import { FIXED, newPackageSchema, packageChangesSchema } from './package-schema.ts';

interface Row {
  readonly uuid: string;
  readonly name: string;
  readonly version: string;
  readonly active: boolean;
  readonly document: WireObject;
  readonly created_at: Date;
  readonly updated_at: Date;
}

const COLUMNS = 'uuid, name, version, active, document, created_at, updated_at';

/** Open the packages of a database that has been migrated. */
export function openPackages({ db }: { readonly db: Database }): Packages {
  async function get(idOrName: string): Promise<Package | undefined> {
    if (isUuid(idOrName)) return toPackage((await db.query<Row>(`SELECT ${COLUMNS} FROM packages WHERE uuid = $1`, [idOrName]))[0]);
    const rows = await db.query<Row>(`SELECT ${COLUMNS} FROM packages WHERE name = $1 AND active ORDER BY string_to_array(version, '.')::int[] DESC LIMIT 1`, [idOrName]);
    return toPackage(rows[0]);
  }

  return {
    get,

    async list(filter = {}) {
      const { where, parameters } = conditions(filter);
      const rows = await db.query<Row & { readonly total: number }>(
        `SELECT ${COLUMNS}, count(*) OVER () AS total FROM packages WHERE ${where} ORDER BY name, string_to_array(version, '.')::int[] LIMIT ${parameters.next(filter.limit ?? 1000)} OFFSET ${parameters.next(filter.offset ?? 0)}`,
        parameters.values,
      );
      // A page past the end has no row that could tell.
      const total = rows[0]?.total ?? (await db.query<{ total: number }>(`SELECT count(*) AS total FROM packages WHERE ${where}`, parameters.values.slice(0, -2)))[0]?.total ?? 0;
      return { packages: rows.flatMap((row) => toPackage(row) ?? []), total };
    },

    async create(input) {
      const { uuid = randomUUID(), name, version = '1.0.0', active = true, ...document } = newPackageSchema.parse(input);
      const sized = { ...document, max_swap: document.max_swap ?? Math.max(256, document.max_physical_memory), max_lwps: document.max_lwps ?? 4000, zfs_io_priority: document.zfs_io_priority ?? 100 };
      const rows = await db.query<Row>(`INSERT INTO packages (uuid, name, version, active, document) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`, [
        uuid,
        name,
        version,
        active,
        JSON.stringify(sized),
      ]);
      const made = toPackage(rows[0]);
      if (!made) throw headErrors.InUse({ what: `package ${name} ${version}` }, { hint: 'Give the next version a number of its own.' });
      return made;
    },

    async update(uuid, input) {
      const before = await get(uuid);
      if (!before) throw headErrors.ResourceNotFound({ what: `package ${uuid}` });
      const { active = before.active, ...changes } = packageChangesSchema.parse(withoutUnchanged(before, input));
      const rows = await db.query<Row>(`UPDATE packages SET active = $2, document = document || $3::jsonb, updated_at = now() WHERE uuid = $1 RETURNING ${COLUMNS}`, [before.uuid, active, JSON.stringify(changes)]);
      return toPackage(rows[0]) ?? before;
    },

    async remove(uuid) {
      return isUuid(uuid) && (await db.query('DELETE FROM packages WHERE uuid = $1 RETURNING uuid', [uuid])).length > 0;
    },
  };
}

/** Clients send back what they were given; only a fixed field with another value is a mistake. @throws InvalidArgument */
function withoutUnchanged(before: Package, input: WireObject): WireObject {
  const fixed = FIXED.filter((field) => Object.hasOwn(input, field) && String(input[field]) !== String(before[field]));
  if (fixed.length > 0) throw headErrors.InvalidArgument({ reason: `${fixed.join(', ')} of a package cannot be changed` }, { hint: 'Make a package of the same name with a higher version, and set active of this one to false.' });
  return Object.fromEntries(Object.entries(input).filter(([field]) => !FIXED.includes(field) && !['created_at', 'updated_at'].includes(field)));
}

interface Parameters {
  readonly values: unknown[];
  /** @returns how SQL names it */
  next(value: unknown): string;
}

function conditions({ active, ownerUuid, match = {} }: PackageFilter): { readonly where: string; readonly parameters: Parameters } {
  const values: unknown[] = [];
  const parameters: Parameters = { values, next: (value) => `$${values.push(value)}` };
  const parts = [
    'true',
    ...(active === undefined ? [] : [`active = ${parameters.next(active)}`]),
    ...(ownerUuid === undefined ? [] : [`(coalesce(document->'owner_uuids', '[]'::jsonb) = '[]'::jsonb OR document->'owner_uuids' @> ${parameters.next(JSON.stringify([ownerUuid]))}::jsonb)`]),
    ...Object.entries(match).map(
      ([field, value]) => `(document || jsonb_build_object('uuid', uuid, 'name', name, 'version', version, 'active', active)) ->> ${parameters.next(field)}::text = ${parameters.next(String(value))}::text`,
    ),
  ];
  return { where: parts.join(' AND '), parameters };
}

function toPackage(row: Row | undefined): Package | undefined {
  if (!row) return undefined;
  const { uuid, name, version, active, document, created_at, updated_at } = row;
  return { uuid, name, version, active, ...document, created_at: created_at.toISOString(), updated_at: updated_at.toISOString() };
}
