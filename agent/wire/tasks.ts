/**
 * Tasks: what a head node asks of an agent (reference/control-plane §1.2, §1.4).
 *
 * `POST /tasks` as cn-agent has it keeps the request open until the task ends: 200 with the result, 500 with a task error.
 * With an `id` it is idempotent: a task of that id runs once however often it is asked for. With `async` it is answered at
 * once, 202 with the id, and the outcome is read from `GET /tasks/:id` or awaited by `GET /tasks/:id/wait?timeout=<seconds>`.
 */
import { z } from 'zod';
import { uuidSchema } from './uuid.ts';

/** The tasks that an agent of ours knows. */
export const TASK_NAMES = [
  'machine_create',
  'machine_load',
  'machine_boot',
  'machine_shutdown',
  'machine_reboot',
  'machine_update',
  'machine_destroy',
  'machine_info',
  'image_ensure_present',
  'server_sysinfo',
  'server_reboot',
  'server_factory_reset',
  'command_execute',
  'nop',
] as const;
export type TaskName = (typeof TASK_NAMES)[number];

export const taskParamsSchema = z.record(z.string(), z.unknown());
export type TaskParams = z.infer<typeof taskParamsSchema>;

/** The body of `POST /tasks`. `task` is any text here, since an unknown one is answered 404 and not as a malformed body. */
export const taskRequestSchema = z.object({
  task: z.string(),
  params: taskParamsSchema,
  /** The caller's name for this task; the same one again never runs twice. Required with `async`. */
  id: uuidSchema.optional(),
  async: z.boolean().optional(),
});
export type TaskRequest = z.infer<typeof taskRequestSchema>;

/** The answer to an asynchronous request, 202. */
export const taskAcceptedSchema = z.object({ id: uuidSchema });

/** A task's result: an object whose content is the task's own, below for those that have a shape. */
export const taskResultSchema = z.record(z.string(), z.unknown());
export type TaskResult = z.infer<typeof taskResultSchema>;

/** What a failed task says, 500 in the synchronous form. `vm` is what a failed create left behind. */
export const taskErrorSchema = z.looseObject({
  error: z.string(),
  details: z.looseObject({ restCode: z.string().optional() }).optional(),
  vm: z.record(z.string(), z.unknown()).optional(),
});
export type TaskError = z.infer<typeof taskErrorSchema>;

export const TASK_STATES = ['active', 'complete', 'failure'] as const;

/** A task as `GET /tasks/:id` shows it; the words are CNAPI's (§2.1). Times are ISO 8601. */
export const taskSchema = z.looseObject({
  id: uuidSchema,
  req_id: z.string(),
  task: z.string(),
  server_uuid: uuidSchema,
  status: z.enum(TASK_STATES),
  /** When it was taken. */
  timestamp: z.string(),
  finished_at: z.string().optional(),
  /** 0–100, never falling. */
  progress: z.number().min(0).max(100).optional(),
  /** With status `complete`. */
  result: taskResultSchema.optional(),
  /** With status `failure`. */
  error: taskErrorSchema.optional(),
  /** `finish` with the result or `error` with the task error, as CNAPI's readers expect it. */
  history: z.array(z.looseObject({ name: z.string(), event: z.record(z.string(), z.unknown()) })),
});
export type Task = z.infer<typeof taskSchema>;

/** One element of `GET /history`, newest last. As in the field a task that failed is `finished` with errorCount 1; `failed` is one that was cut off. */
export const historyEntrySchema = z.looseObject({
  started_at: z.string(),
  finished_at: z.string().optional(),
  task: z.string(),
  pid: z.number(),
  /** Without what may be secret: metadata, scripts and their environment. */
  params: taskParamsSchema,
  status: z.enum(['active', 'finished', 'failed']),
  errorCount: z.number().int(),
  messages: z.array(z.looseObject({ type: z.string(), name: z.string(), event: z.unknown(), timestamp: z.string() })),
  log: z.array(z.unknown()),
  id: uuidSchema.optional(),
});
export type HistoryEntry = z.infer<typeof historyEntrySchema>;

/** Result of machine_create, _boot, _shutdown, _reboot, _update: the instance as loaded after the action. */
export const vmResultSchema = z.looseObject({ vm: z.record(z.string(), z.unknown()) });

/** Result of command_execute. A script that fails is a success of the task (§1.4). */
export const commandResultSchema = z.looseObject({
  err: z.unknown(),
  exitCode: z.number().nullable(),
  signal: z.string().nullable(),
  stdout: z.string(),
  stderr: z.string(),
});
export type CommandResult = z.infer<typeof commandResultSchema>;
