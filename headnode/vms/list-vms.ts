import type { Queries } from '../db/database.ts';
import { InvalidFields } from '../http/invalid-fields.ts';
import type { Vm, VmFilter } from '../services.ts';
import { fieldValue, vmField } from './fields.ts';
import { predicateSql } from './predicate.ts';
import { toVm, VM_COLUMNS, type VmRow } from './vm-row.ts';

const MOST_LISTED = 1000;

/** A page of VMs, and how many there are in all (control-plane §3.4). @throws ValidationFailed for a filter that is none */
export async function listVms(queries: Queries, filter: VmFilter & { readonly countOnly?: boolean }): Promise<{ readonly vms: readonly Vm[]; readonly total: number }> {
  const values: unknown[] = [];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const conditions = conditionsOf(filter, bind);
  const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : '';
  const [counted] = await queries.query<{ total: number }>(`SELECT count(*)::integer AS total FROM vms ${where}`, values);
  const total = counted?.total ?? 0;
  if (filter.countOnly || total === 0) return { vms: [], total };
  const order = orderOf(filter.sort ?? 'uuid.desc');
  const after = filter.marker === undefined ? '' : `${where === '' ? 'WHERE' : 'AND'} ${afterMarker(filter.marker, order, bind)}`;
  // The page is found in an index alone; only the VMs on it are read, however far it is from the beginning.
  const page = `SELECT vms.uuid FROM vms ${where} ${after} ORDER BY ${orderSql(order)} LIMIT ${bind(Math.min(filter.limit ?? MOST_LISTED, MOST_LISTED))} OFFSET ${bind(filter.offset ?? 0)}`;
  const rows = await queries.query<VmRow>(`SELECT ${VM_COLUMNS} FROM vms JOIN (${page}) AS page USING (uuid) ORDER BY ${orderSql(order)}`, values);
  return { vms: rows.map(toVm), total };
}

type Bind = (value: unknown) => string;

function conditionsOf({ ownerUuid, uuids, match = {}, predicate }: VmFilter, bind: Bind): string[] {
  const conditions = Object.entries(match)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => matchSql(name, value, bind));
  if (ownerUuid !== undefined) conditions.push(`vms.owner_uuid = ${bind(ownerUuid)}`);
  if (uuids !== undefined) conditions.push(`vms.uuid = ANY(${bind(uuids.map((uuid) => required('uuids', 'uuid', uuid)))}::uuid[])`);
  if (predicate !== undefined) conditions.push(predicateSql(predicate, bind));
  return conditions;
}

function matchSql(name: string, value: unknown, bind: Bind): string {
  if (name.startsWith('tag.')) return tagSql(name.slice('tag.'.length), String(value), bind);
  if (name.startsWith('internal_metadata.')) return `vms.vm -> 'internal_metadata' ->> ${bind(name.slice('internal_metadata.'.length))}::text = ${bind(String(value))}`;
  if (name === 'state') return stateSql(String(value), bind);
  if (name === 'alias' && String(value).includes('*')) return `vms.alias LIKE ${bind(likePattern(String(value)))}`;
  const field = vmField(name);
  if (!field) throw invalid(name, 'there is no such filter');
  return `(${field.sql}) = ${bind(required(name, name, value))}`;
}

/** The index on tags knows values with their types, a query has only text. `*` stands for any value. */
function tagSql(key: string, value: string, bind: Bind): string {
  if (value === '*') return `vms.vm -> 'tags' ? ${bind(key)}`;
  const meanings = [value, ...(value === 'true' || value === 'false' ? [value === 'true'] : []), ...(/^-?\d{1,15}(\.\d{1,6})?$/.test(value) ? [Number(value)] : [])];
  return `(${meanings.map((meant) => `vms.vm -> 'tags' @> ${bind(JSON.stringify({ [key]: meant }))}::jsonb`).join(' OR ')})`;
}

function stateSql(state: string, bind: Bind): string {
  if (state === 'active') return 'vms.active';
  // As SHOWN_STATE_SQL says it, in a form for which there are indexes.
  if (state === 'unknown') return `vms.held IS NULL AND vms.state <> 'destroyed' AND (vms.state = 'unknown' OR vms.server_uuid = ANY (ARRAY(SELECT server_uuid FROM silent_servers)))`;
  const known = `(vms.held IS NOT NULL OR vms.server_uuid IS NULL OR vms.server_uuid NOT IN (SELECT server_uuid FROM silent_servers))`;
  return `vms.state = ${bind(state)}${state === 'destroyed' ? '' : ` AND ${known}`}`;
}

function likePattern(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&').replaceAll('*', '%');
}

interface Order {
  readonly name: string;
  readonly direction: 'ASC' | 'DESC';
}

function orderOf(sort: string): Order {
  const [, name = '', direction = 'asc'] = /^([a-z_]+)(?:\.(asc|desc))?$/i.exec(sort) ?? [];
  if (!vmField(name)) throw invalid('sort', `VMs cannot be sorted by ${JSON.stringify(sort.slice(0, 60))}; give a field's name, followed by .asc or .desc`);
  return { name, direction: direction.toLowerCase() === 'desc' ? 'DESC' : 'ASC' };
}

/** Among equals the uuid decides, so that pages never overlap. */
function orderSql({ name, direction }: Order): string {
  return name === 'uuid' ? `vms.uuid ${direction}` : `${vmField(name)?.sql} ${direction}, vms.uuid ${direction}`;
}

function afterMarker(marker: string, { name, direction }: Order, bind: Bind): string {
  const last = parseMarker(marker);
  const beyond = direction === 'DESC' ? '<' : '>';
  const uuid = bind(required('marker', 'uuid', last['uuid']));
  if (name === 'uuid') return `vms.uuid ${beyond} ${uuid}::uuid`;
  const field = vmField(name);
  const value = bind(required('marker', name, last[name]));
  return `(${field?.sql}, vms.uuid) ${beyond} (${value}::${field?.type === 'number' ? 'numeric' : field?.type}, ${uuid}::uuid)`;
}

function parseMarker(marker: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(marker);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Readonly<Record<string, unknown>>;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw invalid('marker', 'it must be a JSON object with the uuid, and the property that is sorted by, of the last VM that was listed');
}

function required(parameter: string, name: string, value: unknown): string | number | boolean {
  const field = vmField(name);
  const bound = field && fieldValue(field, value);
  if (bound === undefined) throw invalid(parameter, `${JSON.stringify(value ?? null).slice(0, 60)} is not a ${field?.type === 'text' ? `${name}` : (field?.type ?? 'value')}`);
  return bound;
}

function invalid(field: string, message: string): InvalidFields {
  return new InvalidFields('ValidationFailed', [{ field, code: 'Invalid', message }]);
}
