import { setTimeout as sleep } from 'node:timers/promises';
import { taskErrorSchema, taskSchema, wireErrorSchema, type Task, type TaskError } from '../../../agent/wire/index.ts';
import type { Database } from '../../db/database.ts';
import { headErrors } from '../../errors.ts';
import type { WireObject } from '../../services.ts';
import { AgentAway, type AgentAnswer, type Agents } from '../agents.ts';
import type { ServerCache } from '../cache.ts';
import { finishTask, markAccepted, type TaskRow } from './task-store.ts';

export interface DriveContext {
  readonly database: Database;
  readonly agents: Agents;
  readonly cache: ServerCache;
  readonly signal: AbortSignal;
  /** The node could not be asked just now; undefined when it answered again. */
  onReach(id: string, reason: string | undefined): void;
}

const AGENT_WAIT_SECONDS = 60;
const LONGEST_PAUSE_MILLISECONDS = 5000;

/**
 * Bring a task to its agent and wait there for its end, through everything that may happen to the connection, the agent and
 * this process. The agent runs an id once, so it is sent again until the agent has said that it has it; from then on it is only asked for.
 */
export async function driveTask(row: TaskRow, context: DriveContext): Promise<void> {
  let accepted = row.accepted;
  for (let failures = 0; !context.signal.aborted; ) {
    try {
      if (!accepted) {
        const refusal = await submit(row, context);
        if (refusal) return await finishTask(context.database, row.id, { error: refusal });
        await markAccepted(context.database, row.id);
        accepted = true;
      }
      // Right after a failure only a quick answer shows that the agent is there.
      const end = await lookThere(row, context, failures > 0 ? '' : `/wait?timeout=${waitSeconds(row)}`);
      context.onReach(row.id, undefined);
      failures = 0;
      if (end) return await finishTask(context.database, row.id, end);
    } catch (error) {
      if (context.signal.aborted) return;
      failures += 1;
      if (error instanceof AgentAway) context.onReach(row.id, error.message);
      else if (!isAway(error)) throw error;
      if (Date.now() >= row.deadline.getTime()) return await finishTask(context.database, row.id, { error: timedOut(row) });
      await sleep(Math.min(LONGEST_PAUSE_MILLISECONDS, 100 * 2 ** failures), undefined, { signal: context.signal }).catch(() => undefined);
    }
    if (Date.now() >= row.deadline.getTime()) return await finishTask(context.database, row.id, { error: timedOut(row) });
  }
}

/** @returns why the agent will never run it; undefined when it has it */
async function submit(row: TaskRow, context: DriveContext): Promise<TaskError | undefined> {
  const { status, body } = await ask(row, context, { method: 'POST', path: '/tasks', body: { task: row.task, params: row.params ?? {}, id: row.id, async: true } });
  if (status === 200 || status === 202) return undefined;
  return refusalOf({ status, body }, row);
}

/** @returns how it ended; undefined while it runs */
async function lookThere(row: TaskRow, context: DriveContext, how: string): Promise<{ result: WireObject } | { error: TaskError } | undefined> {
  const { status, body } = await ask(row, context, { method: 'GET', path: `/tasks/${row.id}${how}` });
  if (status === 404) return { error: taskError(headErrors.TaskLost({ task: row.task, server: row.server_uuid })) };
  if (status >= 500) throw new AgentAway(`it answered ${status}`);
  const task = taskSchema.safeParse(body).data;
  if (!task) throw new AgentAway('it answered something else than a task');
  return endOf(task);
}

function waitSeconds({ deadline }: TaskRow): number {
  return Math.max(1, Math.min(AGENT_WAIT_SECONDS, Math.ceil((deadline.getTime() - Date.now()) / 1000)));
}

function endOf(task: Task): { result: WireObject } | { error: TaskError } | undefined {
  if (task.status === 'active') return undefined;
  return task.status === 'complete' ? { result: task.result ?? {} } : { error: task.error ?? { error: `task ${task.task} failed` } };
}

async function ask(row: TaskRow, { agents, cache, signal }: DriveContext, request: { readonly method: 'GET' | 'POST'; readonly path: string; readonly body?: unknown }): Promise<AgentAnswer> {
  const server = await cache.row(row.server_uuid);
  if (!server) throw new AgentAway('the server was deleted');
  const limit = AbortSignal.timeout((AGENT_WAIT_SECONDS + 15) * 1000);
  const answer = await agents.ask(server, { ...request, headers: { 'x-request-id': row.req_id }, signal: AbortSignal.any([signal, limit]) });
  // A paused or starting agent takes it later.
  if (answer.status === 503 || answer.status === 429) throw new AgentAway(`it does not take tasks now: ${messageOf(answer.body)}`);
  return answer;
}

function refusalOf({ status, body }: AgentAnswer, { task, server_uuid }: TaskRow): TaskError {
  const error = wireErrorSchema.safeParse(body).data;
  const failed = taskErrorSchema.safeParse(body).data;
  if (failed) return failed;
  return taskError(headErrors.TaskFailed({ task, server: server_uuid, reason: error?.message ?? `the agent answered ${status}` }), error?.code);
}

function messageOf(body: unknown): string {
  return wireErrorSchema.safeParse(body).data?.message ?? 'no reason given';
}

function timedOut({ task, server_uuid, deadline, created_at }: TaskRow): TaskError {
  return taskError(headErrors.TaskTimeout({ task, server: server_uuid, seconds: Math.round((deadline.getTime() - created_at.getTime()) / 1000) }));
}

function taskError({ code, message }: { readonly code: string; readonly message: string }, restCode?: string): TaskError {
  return { error: message, code, ...(restCode === undefined ? {} : { details: { restCode } }) };
}

/** The database is away: the agent goes on meanwhile. */
function isAway(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'DatabaseUnreachable';
}
