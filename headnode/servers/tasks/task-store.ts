/** Tasks as rows: what was asked of which server, and how it ended. */
import type { TaskError } from '../../../agent/wire/index.ts';
import type { Database } from '../../db/database.ts';
import { headErrors } from '../../errors.ts';
import type { TaskOutcome, TaskRequest, WireObject } from '../../services.ts';

export interface TaskRow {
  readonly id: string;
  readonly req_id: string;
  readonly asked_by: string;
  readonly server_uuid: string;
  readonly task: string;
  readonly params: WireObject | null;
  readonly status: 'active' | 'complete' | 'failure';
  readonly accepted: boolean;
  readonly result: WireObject | null;
  readonly error: TaskError | null;
  readonly head: string | null;
  readonly deadline: Date;
  readonly created_at: Date;
  readonly finished_at: Date | null;
}

const COLUMNS = 'id, req_id, asked_by, server_uuid, task, params, status, accepted, result, error, head, deadline, created_at, finished_at';
/** Said with a task's id when it has ended. */
export const TASKS_CHANNEL = 'zonewright_tasks';
const DEFAULT_SECONDS = 3600;

/**
 * Write a task down, once. It is this head process' to drive when it is new.
 * @throws InvalidArgument when the id is another task's
 */
export async function addTask(database: Database, serverUuid: string, { request, headId }: { readonly request: TaskRequest; readonly headId: string }): Promise<TaskRow> {
  const { id, task, params, asker, timeoutSeconds = DEFAULT_SECONDS } = request;
  const [added] = await database.query<TaskRow>(
    `INSERT INTO tasks (id, req_id, asked_by, server_uuid, task, params, head, deadline)
     VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7, now() + $8 * interval '1 second') ON CONFLICT (id) DO NOTHING RETURNING ${COLUMNS}`,
    [id, asker.requestId, asker.by, serverUuid, task, JSON.stringify(params), headId, timeoutSeconds],
  );
  const row = added ?? (await findTask(database, id));
  if (!row) throw new Error(`task ${id} was not written`);
  if (row.server_uuid !== serverUuid || row.task !== task) throw headErrors.InvalidArgument({ reason: `the id ${id} is that of another task` });
  return row;
}

export async function findTask(database: Database, id: string): Promise<TaskRow | undefined> {
  const [row] = await database.query<TaskRow>(`SELECT ${COLUMNS} FROM tasks WHERE id = $1`, [id]);
  return row;
}

/** The agent has said that it has the task: from here on it must never be sent as a new one. */
export async function markAccepted(database: Database, id: string): Promise<void> {
  await database.query('UPDATE tasks SET accepted = true WHERE id = $1', [id]);
}

/** Write down how a task ended. Its parameters, which may hold what belongs to a guest, go. Only the first end counts. */
export async function finishTask(database: Database, id: string, end: { readonly result: WireObject } | { readonly error: TaskError }): Promise<void> {
  const [result, error] = 'result' in end ? [JSON.stringify(end.result), null] : [null, JSON.stringify(end.error)];
  await database.query(
    `UPDATE tasks SET status = $2, result = $3::jsonb, error = $4::jsonb, params = NULL, finished_at = now() WHERE id = $1 AND status = 'active'
     RETURNING pg_notify('${TASKS_CHANNEL}', id::text)`,
    [id, result === null ? 'failure' : 'complete', result, error],
  );
}

/** Take the active tasks of head processes that are gone. @returns those that are this process' now */
export async function adoptTasks(database: Database, headId: string, living: readonly string[]): Promise<readonly TaskRow[]> {
  return await database.query<TaskRow>(
    `UPDATE tasks SET head = $1 WHERE status = 'active' AND head IS DISTINCT FROM $1 AND (head IS NULL OR head <> ALL($2::uuid[])) RETURNING ${COLUMNS}`,
    [headId, living],
  );
}

/** How a task ended; undefined while it runs. */
export function outcomeOf({ status, result, error, task }: TaskRow): TaskOutcome | undefined {
  if (status === 'active') return undefined;
  if (status === 'complete') return { outcome: 'complete', result: result ?? {} };
  const restCode = error?.details?.restCode;
  const code = typeof error?.['code'] === 'string' ? error['code'] : (restCode ?? 'TaskFailed');
  return { outcome: 'failure', error: { code, message: error?.error ?? `task ${task} failed`, ...(restCode === undefined ? {} : { restCode }) } };
}

/** A task as CNAPI shows it (control-plane §2.1). */
export function taskObject(row: TaskRow): WireObject {
  const event = row.status === 'complete' ? { name: 'finish', event: row.result ?? {} } : { name: 'error', event: { error: { message: row.error?.error ?? '' }, ...row.error } };
  return {
    id: row.id,
    req_id: row.req_id,
    task: row.task,
    server_uuid: row.server_uuid,
    status: row.status,
    timestamp: row.created_at.toISOString(),
    history: row.status === 'active' ? [] : [{ ...event, timestamp: row.finished_at?.toISOString() }],
  };
}

/** Rows that nobody asks for any more. */
export async function forgetTasks(database: Database): Promise<void> {
  await database.query(`DELETE FROM tasks WHERE status <> 'active' AND finished_at < now() - interval '30 days'`);
}
