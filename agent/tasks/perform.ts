import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '../log.ts';
import { findVm } from './catalogue/machine-create.ts';
import type { TaskContext, TaskDefinition } from './definition.ts';
import { taskErrors } from './errors.ts';
import type { TaskHost } from './host.ts';
import type { TaskRecord } from './record.ts';
import { taskError } from './show.ts';

export interface Performing {
  readonly definition: TaskDefinition;
  readonly record: TaskRecord;
  readonly host: TaskHost;
  readonly isResumed: boolean;
  onProgress(percent: number): void;
}

/** How a task came out, and in words for the log why it failed. */
export interface Outcome extends Pick<TaskRecord, 'status' | 'result' | 'error'> {
  readonly reason?: string;
}

/** Time to stop and undo, after a task's own time is over. */
const GRACE_MILLISECONDS = 120_000;

/**
 * Run a task. Resolves when its outcome is known; never rejects.
 * @returns the outcome, and a promise for when nothing of it runs any more
 */
export async function performTask(performing: Performing): Promise<{ readonly outcome: Outcome; readonly ended: Promise<unknown> }> {
  const { definition, record } = performing;
  const time = AbortSignal.timeout(definition.seconds * 1000);
  const given = new AbortController();
  const running = definition.run(record.params as never, contextOf(performing, time));
  const timedOut = new Promise<never>((_, reject) => {
    const tooLate = async (): Promise<void> => {
      await sleep(GRACE_MILLISECONDS, undefined, { signal: given.signal }).then(
        () => reject(taskErrors.TaskTimedOut({ task: record.task, seconds: definition.seconds })),
        () => undefined,
      );
    };
    time.addEventListener('abort', () => void tooLate(), { once: true });
  });
  const ended = running.catch(() => undefined);
  try {
    return { outcome: { status: 'complete', result: await Promise.race([running, timedOut]) }, ended };
  } catch (error) {
    const cause = time.aborted ? taskErrors.TaskTimedOut({ task: record.task, seconds: definition.seconds }, { cause: error }) : error;
    const left = record.task === 'machine_create' ? await leftBehind(performing, error) : {};
    return { outcome: { status: 'failure', error: { ...taskError(cause, record.requestId), ...left }, reason: reasonOf(cause) }, ended };
  } finally {
    given.abort();
  }
}

function contextOf({ host, record, isResumed, onProgress }: Performing, signal: AbortSignal): TaskContext {
  const caller = {
    requestId: record.requestId,
    askedBy: record.askedBy,
    signal,
    onEvent: ({ verb, step, steps, state }: Parameters<TaskContext['onEvent']>[0]) => {
      // The engine's own steps are the second half of a create.
      if (verb === 'create') onProgress(50 + Math.floor(((state === 'done' ? step : step - 1) / steps) * 49));
    },
  };
  return { ...caller, host, engine: () => host.engine(caller), acceptedAt: new Date(record.acceptedAt), isResumed, progress: onProgress };
}

/** What a create left of the instance that it was to make: nothing, unless undoing it failed too. */
async function leftBehind({ host, record }: Performing, cause: unknown): Promise<{ vm?: Readonly<Record<string, unknown>> }> {
  const { uuid } = record.params as { readonly uuid?: string };
  if (uuid === undefined || wasThereBefore(cause)) return {};
  try {
    const caller = { requestId: record.requestId, askedBy: record.askedBy, signal: new AbortController().signal, onEvent: () => undefined };
    const vm = await findVm(await host.engine(caller), uuid);
    return vm ? { vm } : {};
  } catch {
    return {};
  }
}

function wasThereBefore(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && (cause.code === 'MachineExists' || cause.code === 'VmExists');
}
