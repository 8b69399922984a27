/** Tasks as callers see them. */
import { ZonewrightError } from '../../host/errors/errors.ts';
import type { HistoryEntry, Task, TaskError } from '../wire/tasks.ts';
import { hideSecrets } from './hide-secrets.ts';
import type { TaskRecord } from './record.ts';

/** `GET /tasks/:id`. */
export function shownTask(record: TaskRecord, serverUuid: string, progress: number): Task {
  const { id, requestId, task, status, acceptedAt, finishedAt, result, error } = record;
  return {
    id,
    req_id: requestId,
    task,
    server_uuid: serverUuid,
    status,
    timestamp: acceptedAt,
    ...(finishedAt !== undefined && { finished_at: finishedAt }),
    progress: status === 'complete' ? 100 : progress,
    ...(result && { result }),
    ...(error && { error }),
    history: [...(result ? [{ name: 'finish', event: result }] : []), ...(error ? [{ name: 'error', event: error }] : [])],
  };
}

/** An element of `GET /history`. */
export function historyEntry(record: TaskRecord): HistoryEntry {
  const { acceptedAt, finishedAt, task, params, status, error, cutOff, named, id } = record;
  const message = error ? { name: 'error', event: error } : { name: 'finish', event: {} };
  return {
    started_at: acceptedAt,
    ...(finishedAt !== undefined && { finished_at: finishedAt }),
    task,
    pid: process.pid,
    params: hideSecrets(params),
    status: status === 'active' ? 'active' : cutOff ? 'failed' : 'finished',
    errorCount: error ? 1 : 0,
    messages: finishedAt === undefined ? [] : [{ type: 'message', ...message, timestamp: finishedAt }],
    log: [],
    ...(named && { id }),
  };
}

/** Codes of the field for errors of ours that its clients know by another name. */
const REST_CODES: Readonly<Record<string, string>> = { NoSuchVm: 'VmNotFound' };

/** A failure in a task's own form. Of what is not an error of ours nothing is said: it may hold anything. */
export function taskError(error: unknown, requestId: string): TaskError {
  if (!(error instanceof ZonewrightError)) return { error: `internal error; the agent's log says more under request ${requestId}`, details: { restCode: 'InternalError' } };
  const details = error.details.length > 0 ? { explanation: [...error.details] } : {};
  return { error: error.message, details: { restCode: REST_CODES[error.code] ?? error.code, ...details, ...(error.hint !== undefined && { hint: error.hint }) } };
}

