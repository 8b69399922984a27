/**
 * Tasks asked of agents. A task is a row before it is sent; the head process that wrote it drives it, and another one goes
 * on when that process is gone. Who waits for it hears of its end by a notification, with a slow poll behind it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../db/database.ts';
import { headErrors } from '../../errors.ts';
import type { TaskOutcome, TaskRequest } from '../../services.ts';
import type { Agents } from '../agents.ts';
import type { ServerCache } from '../cache.ts';
import type { Liveness } from '../liveness.ts';
import { driveTask } from './drive-task.ts';
import { addTask, adoptTasks, findTask, forgetTasks, outcomeOf, TASKS_CHANNEL, type TaskRow } from './task-store.ts';

export interface Tasks {
  /** Write a task down and drive it. @throws ServerNotFound */
  start(serverUuid: string, request: TaskRequest): Promise<void>;
  /** Start a task, or find it, and wait for its end, or until its node cannot be asked. @throws ServerNotFound */
  run(serverUuid: string, request: TaskRequest): Promise<TaskOutcome>;
  get(id: string): Promise<TaskRow | undefined>;
  /** The task when it has ended, or as it is when the time is over. */
  wait(id: string, seconds: number): Promise<TaskRow | undefined>;
  close(): Promise<void>;
}

export interface TasksOptions {
  readonly database: Database;
  readonly agents: Agents;
  readonly cache: ServerCache;
  readonly liveness: Liveness;
  onTrouble(error: unknown): void;
}

const POLL_MILLISECONDS = 2000;
const ADOPT_MILLISECONDS = 3000;
/** A node that restarts its agent is away for a moment; only one that is away for longer is said to be unreachable. */
const PATIENCE_MILLISECONDS = 10_000;
const FORGET_ROUNDS = 1200;

export async function openTasks({ database, agents, cache, liveness, onTrouble }: TasksOptions): Promise<Tasks> {
  const ended = new AbortController();
  const driven = new Map<string, Promise<void>>();
  const away = new Map<string, { readonly since: number; readonly reason: string }>();
  const wakers = new Map<string, Set<() => void>>();
  const wake = (id: string): void => {
    for (const waker of wakers.get(id) ?? []) waker();
  };
  const stop = await database.listen(TASKS_CHANNEL, (id) => {
    if (id !== undefined) wake(id);
    else for (const each of wakers.keys()) wake(each);
  });

  const drive = (row: TaskRow): void => {
    if (row.status !== 'active' || driven.has(row.id)) return;
    const onReach = (id: string, reason: string | undefined): void => {
      if (reason === undefined) away.delete(id);
      else away.set(id, { since: away.get(id)?.since ?? Date.now(), reason });
    };
    const driving = driveTask(row, { database, agents, cache, signal: ended.signal, onReach })
      .catch(onTrouble)
      .finally(() => {
        driven.delete(row.id);
        away.delete(row.id);
        wake(row.id);
      });
    driven.set(row.id, driving);
  };

  const adopting = (async () => {
    for (let round = 0; !ended.signal.aborted; round += 1) {
      try {
        for (const row of await adoptTasks(database, liveness.headId, [liveness.headId, ...(await liveness.living())])) drive(row);
        for (const row of await database.query<TaskRow>(`SELECT * FROM tasks WHERE status = 'active' AND head = $1`, [liveness.headId])) drive(row);
        if (round % FORGET_ROUNDS === 0) await forgetTasks(database);
      } catch (error) {
        onTrouble(error);
      }
      await sleep(ADOPT_MILLISECONDS, undefined, { signal: ended.signal }).catch(() => undefined);
    }
  })();

  const begin = async (serverUuid: string, request: TaskRequest): Promise<TaskRow> => {
    if (!(await cache.get(serverUuid))) throw headErrors.ServerNotFound({ server: serverUuid });
    const row = await addTask(database, serverUuid, { request, headId: liveness.headId });
    // Also when another process drives it: who waits knows then whether the node can be asked. The agent runs it once.
    drive(row);
    return row;
  };
  /** Wait for a task's end as long as `isOver` allows. */
  const follow = async (id: string, isOver: () => boolean): Promise<TaskRow | undefined> => {
    for (;;) {
      const woken = waker(id);
      const row = await findTask(database, id);
      if (!row || row.status !== 'active' || isOver() || ended.signal.aborted) {
        woken.cancel();
        return row;
      }
      await woken.promise;
    }
  };
  const waker = (id: string): { readonly promise: Promise<void>; cancel(): void } => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const of = wakers.get(id) ?? new Set();
    const timer = setTimeout(resolve, POLL_MILLISECONDS);
    const cancel = (): void => {
      clearTimeout(timer);
      of.delete(resolve);
      if (of.size === 0) wakers.delete(id);
      resolve();
    };
    wakers.set(id, of.add(resolve));
    return { promise: promise.then(cancel), cancel };
  };

  return {
    async start(serverUuid, request) {
      await begin(serverUuid, request);
    },
    async run(serverUuid, request) {
      const { id } = await begin(serverUuid, request);
      const asked = Date.now();
      const lost = (): string | undefined => {
        const one = away.get(id);
        return one && Date.now() - Math.max(one.since, asked) >= PATIENCE_MILLISECONDS ? one.reason : undefined;
      };
      const row = await follow(id, () => lost() !== undefined);
      const outcome = row && outcomeOf(row);
      return outcome ?? { outcome: 'unreachable', reason: lost() ?? 'this head process ends' };
    },
    get: (id) => findTask(database, id),
    wait: (id, seconds) => {
      const until = Date.now() + seconds * 1000;
      return follow(id, () => Date.now() >= until);
    },
    async close() {
      ended.abort();
      for (const id of wakers.keys()) wake(id);
      await stop();
      await adopting;
      await Promise.all(driven.values());
    },
  };
}
