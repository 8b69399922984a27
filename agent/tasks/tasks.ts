/**
 * The task engine: it takes tasks, has each run once, and knows what became of them.
 *
 * A task is taken (checked, kept, given its place in the queue), runs, and is over; none of that depends on its caller's
 * connection. On one instance one task works at a time, and each queue has so many places. When an agent dies its named
 * tasks are still on disk: the next one lets the engine finish or undo what was half done, then begins the task again or says
 * that it failed.
 */
import { randomUUID } from 'node:crypto';
import type { Log } from '../log.ts';
import { reasonOf } from '../log.ts';
import type { HistoryEntry, Task, TaskRequest } from '../wire/tasks.ts';
import { PLACES, taskNamed } from './catalogue/index.ts';
import type { Queue, TaskDefinition } from './definition.ts';
import { taskErrors } from './errors.ts';
import type { TaskHost } from './host.ts';
import { digestOf, finished, type RecordStore, type TaskRecord } from './record.ts';
import { keepWithinBounds } from './retention.ts';
import { performTask } from './perform.ts';
import { historyEntry, shownTask, taskError } from './show.ts';
import { newPlaces, newTurns, type Places, type Turns } from './turns.ts';

/** Who asks for a task. */
export interface Asking {
  readonly requestId: string;
  readonly askedBy: string;
  readonly isHead: boolean;
}

export interface Tasks {
  readonly serverUuid: string;
  /**
   * Take a task. Resolves when it is taken, with its id; a task under an id that is known already is the one that there is.
   * @throws TaskUnknown, TaskRequestInvalid, TasksPaused, TaskIdTaken, TaskNotForCaller
   */
  submit(request: Pick<TaskRequest, 'task' | 'params' | 'id'>, asking: Asking): Promise<string>;
  /** @throws NoSuchTask */
  find(id: string): Task;
  /** Resolves when the task is over, or the time is, or nobody waits any more; with the task as it is then. @throws NoSuchTask */
  wait(id: string, options: { readonly milliseconds?: number; readonly signal?: AbortSignal }): Promise<Task>;
  /** The last tasks, oldest first. */
  history(): HistoryEntry[];
  /** Take no more tasks; those that run go on. */
  pause(): void;
  resume(): void;
  /** Resolves when no task runs. */
  idle(): Promise<void>;
}

export interface TasksOptions {
  readonly host: TaskHost;
  readonly store: RecordStore;
  readonly log: Log;
}

/** A task in memory. */
interface Entry {
  record: TaskRecord;
  progress: number;
  /** Resolves when it is over. */
  readonly over: Promise<void>;
  readonly end: () => void;
}

export interface Shop {
  readonly options: TasksOptions;
  readonly entries: Map<string, Entry>;
  readonly turns: Turns;
  readonly places: Readonly<Record<Queue, Places>>;
}

/** An agent that dies again and again with the same task is not killed by it for ever. */
const MOST_ATTEMPTS = 3;
const HISTORY_LENGTH = 64;
const MOST_ACTIVE = 1000;

/** Open the task engine: tasks of an agent that died are taken up. */
export async function openTasks(options: TasksOptions): Promise<Tasks> {
  const places = Object.fromEntries(Object.entries(PLACES).map(([queue, count]) => [queue, newPlaces(count)])) as Shop['places'];
  const shop: Shop = { options, entries: new Map(), turns: newTurns(), places };
  let paused = false;
  for (const record of await options.store.load()) takeUp(shop, record);
  return {
    serverUuid: options.host.serverUuid,
    async submit(request, asking) {
      const { id, task, params } = request;
      const known = id === undefined ? undefined : shop.entries.get(id);
      const digest = digestOf(task, params);
      if (known && known.record.digest !== digest) throw taskErrors.TaskIdTaken({ id: known.record.id });
      if (known) return known.record.id;
      if (paused) throw taskErrors.TasksPaused();
      const definition = taskNamed(task);
      if (!definition) throw taskErrors.TaskUnknown({ task: JSON.stringify(task.slice(0, 100)) });
      if (definition.headOnly && !asking.isHead) throw taskErrors.TaskNotForCaller({ task });
      return take(shop, definition, newRecord(request, checked(definition, task, params), { digest, asking }));
    },
    find: (id) => shown(shop, entryOf(shop, id)),
    async wait(id, { milliseconds, signal }) {
      const entry = entryOf(shop, id);
      await eitherOf(entry.over, milliseconds, signal);
      return shown(shop, entry);
    },
    history: () => [...shop.entries.values()].slice(-HISTORY_LENGTH).map(({ record }) => historyEntry(record)),
    pause: () => void (paused = true),
    resume: () => void (paused = false),
    idle: async () => void (await Promise.all([...shop.entries.values()].map(({ over }) => over))),
  };
}

function newRecord({ id, task }: Pick<TaskRequest, 'task' | 'id'>, params: TaskRecord['params'], { digest, asking }: { readonly digest: string; readonly asking: Asking }): TaskRecord {
  const { requestId, askedBy } = asking;
  return { version: 1, id: id ?? randomUUID(), named: id !== undefined, task, params, digest, requestId, askedBy, acceptedAt: new Date().toISOString(), attempts: 1, status: 'active' };
}

function checked(definition: TaskDefinition, task: string, params: unknown): TaskRecord['params'] {
  const { data, error } = definition.params.safeParse(params);
  if (!error) return data as TaskRecord['params'];
  const [issue] = error.issues;
  const where = issue && issue.path.length > 0 ? `params.${issue.path.map(String).join('.').slice(0, 200)}` : 'params';
  throw taskErrors.TaskRequestInvalid({ reason: `${task}: ${where}: ${issue?.message ?? 'not valid'}` });
}

/** From here on the id is known, so that a second request for it finds this one, also while it is being written down. */
async function take(shop: Shop, definition: TaskDefinition, record: TaskRecord): Promise<string> {
  const { store } = shop.options;
  if ([...shop.entries.values()].filter(isActive).length >= MOST_ACTIVE) {
    throw taskErrors.TasksPaused({ details: [`${MOST_ACTIVE} tasks are waiting or running`], hint: 'Ask again later.' });
  }
  const entry = newEntry(record);
  shop.entries.set(record.id, entry);
  try {
    if (isKept(definition, record)) await store.save(record);
  } catch (error) {
    // It never began, and nobody was told that it would.
    shop.entries.delete(record.id);
    entry.end();
    throw error;
  }
  void carryOut(shop, definition, entry, false);
  return record.id;
}

/** A task of an agent that is gone. */
function takeUp(shop: Shop, record: TaskRecord): void {
  const entry = newEntry(record);
  shop.entries.set(record.id, entry);
  const definition = taskNamed(record.task);
  if (record.status !== 'active') return entry.end();
  if (!definition || definition.afterDeath === 'fail' || !record.named) {
    return void conclude(shop, entry, { status: 'failure', cutOff: true, error: taskError(taskErrors.TaskInterrupted({ task: record.task }), record.requestId) });
  }
  if (record.attempts >= MOST_ATTEMPTS) {
    const error = taskErrors.TaskGivenUp({ task: record.task, attempts: record.attempts });
    return void settled(shop, definition, record).then(() => conclude(shop, entry, { status: 'failure', cutOff: true, error: taskError(error, record.requestId) }));
  }
  entry.record = { ...record, attempts: record.attempts + 1 };
  void carryOut(shop, definition, entry, true);
}

async function carryOut(shop: Shop, definition: TaskDefinition, entry: Entry, isResumed: boolean): Promise<void> {
  const { record } = entry;
  const { log, store } = shop.options;
  const line = log.child({ req_id: record.requestId, task: record.task, task_id: record.id });
  const leaves: Array<() => void> = [];
  try {
    if (isResumed) await store.save(record);
    const instance = definition.instance?.(record.params as never);
    if (instance !== undefined) leaves.push(await shop.turns.take(instance));
    leaves.push(await shop.places[definition.queue].take());
    line.info(isResumed ? 'task begun again' : 'task begun');
    if (isResumed) await settled(shop, definition, record);
    const { outcome, ended } = await performTask({ definition, record, host: shop.options.host, isResumed, onProgress: (percent) => void (entry.progress = Math.max(entry.progress, percent)) });
    // One that does not heed the end of its time keeps its turn until it is really over.
    void ended.then(() => leaves.splice(0).forEach((leave) => leave()));
    if (outcome.status === 'failure') line.warn(`task failed: ${outcome.reason}`);
    else line.info('task complete');
    await conclude(shop, entry, outcome);
  } catch (error) {
    leaves.splice(0).forEach((leave) => leave());
    line.warn(`task failed: ${reasonOf(error)}`);
    await conclude(shop, entry, { status: 'failure', error: taskError(error, record.requestId) });
  }
}

/** The outcome is on disk before anyone hears of it. Where it cannot be written, those who wait now are told all the same. */
async function conclude(shop: Shop, entry: Entry, outcome: Pick<TaskRecord, 'status' | 'result' | 'error' | 'cutOff'>): Promise<void> {
  const { store, log } = shop.options;
  const { status, result, error, cutOff } = outcome;
  const record = finished(entry.record, { status, ...(result && { result }), ...(error && { error }), ...(cutOff && { cutOff }) });
  try {
    const definition = taskNamed(record.task);
    if (!definition || isKept(definition, record)) await store.save(record);
  } catch (failure) {
    log.failure('-', `keep the outcome of task ${record.id}`, failure);
  }
  entry.record = record;
  entry.end();
  await keepWithinBounds([...shop.entries.values()].map((one) => one.record), async (id) => {
    shop.entries.delete(id);
    await store.remove(id);
  }).catch((failure: unknown) => log.failure('-', 'remove old tasks', failure));
}

async function settled({ options }: Shop, definition: TaskDefinition, record: TaskRecord): Promise<void> {
  const instance = definition.instance?.(record.params as never);
  if (instance !== undefined) await options.host.settle(instance);
}

function isKept(definition: TaskDefinition, { named }: TaskRecord): boolean {
  return named || !definition.readsOnly;
}

function newEntry(record: TaskRecord): Entry {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { record, progress: 0, over: promise, end: () => resolve() };
}

function isActive({ record }: Entry): boolean {
  return record.status === 'active';
}

function entryOf(shop: Shop, id: string): Entry {
  const entry = shop.entries.get(id);
  if (!entry) throw taskErrors.NoSuchTask({ id: JSON.stringify(id.slice(0, 64)).slice(1, -1) });
  return entry;
}

function shown({ options }: Shop, { record, progress }: Entry): Task {
  return shownTask(record, options.host.serverUuid, progress);
}

function eitherOf(over: Promise<void>, milliseconds: number | undefined, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = milliseconds === undefined ? undefined : setTimeout(done, milliseconds);
    signal?.addEventListener('abort', done, { once: true });
    void over.then(done);
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    }
  });
}
