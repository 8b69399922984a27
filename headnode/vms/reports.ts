/**
 * What nodes say of their VMs. The node is the truth: what it lists is on it, in the state that it says; what it does not list is
 * destroyed. Two things are stronger. A VM that is being created, or whose creation is being taken back, is in the hands of its
 * job. And what a task has just said counts more than a report that was under way at that moment: then the node is asked again.
 */
import type { Database, Queries } from '../db/database.ts';
import type { ServerReport, ServerStatus, WireObject } from '../services.ts';
import { WORD_SECONDS } from './store.ts';

export interface Taken {
  /** VMs that this report made destroyed. */
  readonly destroyed: readonly string[];
  /** VMs of which the node has to be asked: those that are known by their status alone, and those where a task's result says otherwise. */
  readonly unclear: readonly string[];
  /** VMs that were told with all their properties, and are this node's. */
  readonly whole: readonly string[];
}

const NOTHING: Taken = { destroyed: [], unclear: [], whole: [] };

/** Take over what a node says. Of VMs that are as they were in the report before nothing is asked or written. */
export async function takeReport(database: Database, { serverUuid, status, vms, changed }: ServerReport): Promise<Taken> {
  await setSilence(database, serverUuid, status);
  if (!vms || changed?.length === 0) return NOTHING;
  const named = Object.entries(vms).filter(([uuid]) => UUID.test(uuid) && (changed?.includes(uuid) ?? true));
  const told: Told = { serverUuid, vms: JSON.stringify(Object.fromEntries(named)), among: changed ? changed.filter((uuid) => UUID.test(uuid)) : null };
  return await database.transaction(
    async (queries) => {
      await updateKnown(queries, told);
      await insertUnknown(queries, told);
      const destroyed = await destroyAbsent(queries, told);
      return { destroyed, unclear: await unclearOf(queries, told), whole: await wholeOf(queries, told) };
    },
    { isolation: 'read committed' },
  );
}

/** A server is silent unless it runs: while it reboots nothing of it runs either. */
export async function setSilence(queries: Queries, serverUuid: string, status: ServerStatus): Promise<void> {
  if (status === 'running') await queries.query('DELETE FROM silent_servers WHERE server_uuid = $1', [serverUuid]);
  else await queries.query('INSERT INTO silent_servers (server_uuid) VALUES ($1) ON CONFLICT DO NOTHING', [serverUuid]);
}

/** What a node told of VMs: either it told of all, or of those among these. */
interface Told {
  readonly serverUuid: string;
  readonly vms: string;
  readonly among: readonly string[] | null;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const TOLD_SQL = `told AS (SELECT key::uuid AS uuid, value || jsonb_build_object('uuid', key, 'server_uuid', $1::text) AS vm, value ? 'create_timestamp' AS is_whole FROM jsonb_each($2::jsonb))`;
const FRESH_SQL = `coalesce(vms.word_at > now() - interval '${WORD_SECONDS} seconds', false)`;
const BUSY_SQL = 'EXISTS (SELECT 1 FROM jobs WHERE jobs.lock = vms.uuid::text AND NOT jobs.settled)';
/** A node cannot take a VM from one that is alive; when disks were moved to another chassis, the old one is silent. */
const MINE_SQL = `(vms.server_uuid IS NULL OR vms.server_uuid = $1::uuid OR vms.state = 'destroyed' OR vms.server_uuid IN (SELECT server_uuid FROM silent_servers))`;

/** Rows in which nothing changes are not written. */
async function updateKnown(queries: Queries, { serverUuid, vms }: Told): Promise<void> {
  await queries.query(
    `WITH ${TOLD_SQL}
     UPDATE vms SET
       vm = CASE WHEN vms.held = 'provisioning' THEN vms.vm || (told.vm - 'state' - 'zone_state') WHEN told.is_whole THEN told.vm ELSE vms.vm || told.vm END,
       detailed = vms.detailed OR told.is_whole,
       server_uuid = $1::uuid,
       held = CASE WHEN vms.held = 'provisioning' THEN vms.held END,
       reason = CASE WHEN vms.held = 'provisioning' THEN vms.reason END,
       destroyed_at = NULL,
       changed_at = now()
     FROM told
     WHERE vms.uuid = told.uuid
       AND (vms.server_uuid IS DISTINCT FROM $1::uuid OR CASE WHEN told.is_whole THEN vms.vm <> told.vm ELSE NOT vms.vm @> told.vm END)
       AND ${MINE_SQL}
       AND NOT (${FRESH_SQL} AND vms.state IS DISTINCT FROM told.vm ->> 'state')
       AND (vms.held IS NULL OR (vms.held = 'provisioning' AND vms.server_uuid = $1::uuid) OR (vms.held = 'failed' AND NOT ${BUSY_SQL}))`,
    [serverUuid, vms],
  );
}

async function insertUnknown(queries: Queries, { serverUuid, vms }: Told): Promise<void> {
  await queries.query(
    `WITH ${TOLD_SQL}
     INSERT INTO vms (uuid, vm, server_uuid, detailed)
     SELECT told.uuid, told.vm, $1::uuid, told.is_whole FROM told WHERE NOT EXISTS (SELECT 1 FROM vms WHERE vms.uuid = told.uuid)
     ON CONFLICT DO NOTHING`,
    [serverUuid, vms],
  );
}

async function destroyAbsent(queries: Queries, { serverUuid, vms, among }: Told): Promise<readonly string[]> {
  return uuidsOf(
    await queries.query(
      `UPDATE vms SET vm = vm || '{"state": "destroyed", "zone_state": "destroyed"}', destroyed_at = now(), changed_at = now()
       WHERE server_uuid = $1::uuid AND state <> 'destroyed' AND held IS NULL AND NOT ${FRESH_SQL} AND NOT $2::jsonb ? uuid::text AND ($3::uuid[] IS NULL OR uuid = ANY($3)) RETURNING uuid`,
      [serverUuid, vms, among],
    ),
  );
}

async function unclearOf(queries: Queries, { serverUuid, vms, among }: Told): Promise<readonly string[]> {
  return uuidsOf(
    await queries.query(
      `SELECT uuid FROM vms WHERE server_uuid = $1::uuid AND held IS NULL AND ($3::uuid[] IS NULL OR uuid = ANY($3)) AND (
         (NOT detailed AND state <> 'destroyed') OR (${FRESH_SQL} AND state IS DISTINCT FROM coalesce($2::jsonb -> uuid::text ->> 'state', 'destroyed')))
       UNION SELECT uuid FROM vms WHERE uuid IN (SELECT key::uuid FROM jsonb_each($2::jsonb)) AND held = 'failed' AND ${FRESH_SQL} AND NOT ${BUSY_SQL}`,
      [serverUuid, vms, among],
    ),
  );
}

async function wholeOf(queries: Queries, { serverUuid, vms }: Told): Promise<readonly string[]> {
  return uuidsOf(await queries.query(`WITH ${TOLD_SQL} SELECT told.uuid FROM told JOIN vms ON vms.uuid = told.uuid AND vms.server_uuid = $1::uuid AND vms.held IS NULL WHERE told.is_whole`, [serverUuid, vms]));
}

function uuidsOf(rows: ReadonlyArray<WireObject>): readonly string[] {
  return rows.map(({ uuid }) => String(uuid));
}
