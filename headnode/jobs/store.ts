import { randomUUID } from 'node:crypto';
import type { Database, Queries } from '../db/database.ts';
import type { Asker, WireObject } from '../services.ts';
import type { JobRow } from './job-row.ts';

/** Told on this channel: `queued`, and `ended <uuid>` when a job's outcome is decided. */
export const JOBS_CHANNEL = 'zonewright_jobs';

/** A process found that its job is now another's. */
export class ClaimLost extends Error {
  override readonly name = 'ClaimLost';
}

export interface NewJob {
  readonly name: string;
  readonly lock: string;
  readonly params: WireObject;
  readonly state: WireObject;
  readonly vmUuid?: string | undefined;
  readonly serverUuid?: string | undefined;
  readonly asker: Asker;
}

/** What changes while a job runs. */
export type Progress = Pick<JobRow, 'execution' | 'state' | 'chain_results' | 'onerror_results' | 'at_step' | 'undo_step' | 'failure' | 'settled'>;

export interface JobFilter {
  readonly vmUuid?: string | undefined;
  readonly execution?: string | undefined;
  readonly task?: string | undefined;
  readonly limit?: number | undefined;
  readonly offset?: number | undefined;
}

/** Record a job. It becomes visible, and is run, when the transaction of `queries` ends. */
export async function insertJob(queries: Queries, { name, lock, params, state, vmUuid, serverUuid, asker }: NewJob): Promise<JobRow> {
  const [row] = await queries.query<JobRow>(
    `INSERT INTO jobs (uuid, name, lock, params, state, vm_uuid, server_uuid, asker)
     VALUES ($1, $2, $3, $4::jsonb, $5::jsonb, $6, $7, $8::jsonb) RETURNING *`,
    [randomUUID(), name, lock, JSON.stringify(params), JSON.stringify(state), vmUuid, serverUuid, JSON.stringify(asker)],
  );
  await queries.query(`SELECT pg_notify('${JOBS_CHANNEL}', 'queued')`);
  return row as JobRow;
}

/** Take a job in hand, from whoever had it before. @returns undefined when nothing is left to be done for it */
export async function claimJob(queries: Queries, uuid: string): Promise<JobRow | undefined> {
  const [row] = await queries.query<JobRow>(
    `UPDATE jobs SET attempt = attempt + 1, started_at = coalesce(started_at, now()), execution = CASE WHEN execution = 'queued' THEN 'running' ELSE execution END
     WHERE uuid = $1 AND NOT settled RETURNING *`,
    [uuid],
  );
  return row;
}

/** Write down how far a job is. @throws ClaimLost when another process has it now */
export async function saveProgress(queries: Queries, job: JobRow, progress: Progress): Promise<JobRow> {
  const [row] = await queries.query<JobRow>(
    `WITH saved AS (
       UPDATE jobs SET execution = $3, state = $4::jsonb, chain_results = $5::jsonb, onerror_results = $6::jsonb, at_step = $7, undo_step = $8,
         failure = $9, settled = $10, server_uuid = coalesce(($4::jsonb ->> 'server_uuid')::uuid, server_uuid),
         finished_at = CASE WHEN finished_at IS NULL AND $3 NOT IN ('queued', 'running') THEN now() ELSE finished_at END
       WHERE uuid = $1 AND attempt = $2 RETURNING *
     )
     SELECT saved.*, CASE WHEN $11 THEN pg_notify('${JOBS_CHANNEL}', 'ended ' || uuid) END FROM saved`,
    [
      job.uuid,
      job.attempt,
      progress.execution,
      JSON.stringify(progress.settled ? { ...serverOf(progress.state) } : progress.state),
      JSON.stringify(progress.chain_results),
      JSON.stringify(progress.onerror_results),
      progress.at_step,
      progress.undo_step,
      progress.failure,
      progress.settled,
      progress.execution !== job.execution,
    ],
  );
  if (!row) throw new ClaimLost(`job ${job.uuid} was taken over`);
  return row;
}

export async function readJob(queries: Queries, uuid: string): Promise<JobRow | undefined> {
  const [row] = await queries.query<JobRow>('SELECT * FROM jobs WHERE uuid = $1', [uuid]);
  return row;
}

const MOST_LISTED = 1000;

/** Jobs, newest first. `task` is a job's name. */
export async function listJobs(queries: Queries, { vmUuid, execution, task, limit = MOST_LISTED, offset = 0 }: JobFilter): Promise<readonly JobRow[]> {
  const conditions: string[] = [];
  const values: unknown[] = [];
  for (const [column, value] of [['vm_uuid', vmUuid], ['execution', execution], ['name', task]] as const) {
    if (value === undefined) continue;
    values.push(value);
    conditions.push(`${column} = $${values.length}`);
  }
  const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : '';
  values.push(Math.min(limit, MOST_LISTED), offset);
  return await queries.query<JobRow>(`SELECT * FROM jobs ${where} ORDER BY sequence DESC LIMIT $${values.length - 1} OFFSET $${values.length}`, values);
}

/** Whether something is still to be done under a lock. */
export async function hasUnsettled(queries: Queries, lock: string): Promise<boolean> {
  return (await queries.query('SELECT 1 FROM jobs WHERE lock = $1 AND NOT settled LIMIT 1', [lock])).length > 0;
}

/** Jobs that some process had in hand when this database was last used. */
export async function inHand(database: Database): Promise<readonly string[]> {
  return (await database.query<{ uuid: string }>('SELECT uuid FROM jobs WHERE NOT settled AND attempt > 0')).map(({ uuid }) => uuid);
}

function serverOf(state: WireObject): WireObject {
  return 'server_uuid' in state ? { server_uuid: state['server_uuid'] } : {};
}
