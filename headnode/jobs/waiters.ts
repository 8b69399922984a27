import type { Database } from '../db/database.ts';
import { hasEnded, type JobRow } from './job-row.ts';
import { JOBS_CHANNEL, readJob } from './store.ts';

const POLL_MILLISECONDS = 5_000;

export interface Waiters {
  /** A job when it has ended, or as it is when the time is over or these waiters close; undefined when there is none. */
  wait(uuid: string, timeoutSeconds: number): Promise<JobRow | undefined>;
  close(): Promise<void>;
}

/** Waiting for jobs without asking for each of them all the time: whoever ends one tells it to all processes. */
export async function newWaiters(database: Database): Promise<Waiters> {
  const waiting = new Map<string, Set<() => void>>();
  const closing = new AbortController();
  const look = (uuid: string): void => waiting.get(uuid)?.forEach((lookAgain) => lookAgain());
  const lookAtAll = (): void => [...waiting.keys()].forEach(look);
  const unlisten = await database.listen(JOBS_CHANNEL, (payload) => {
    if (payload === undefined) lookAtAll();
    else if (payload.startsWith('ended ')) look(payload.slice('ended '.length));
  });
  const poll = setInterval(lookAtAll, POLL_MILLISECONDS);
  return {
    async wait(uuid, timeoutSeconds) {
      const over = AbortSignal.any([AbortSignal.timeout(Math.max(0, timeoutSeconds) * 1000), closing.signal]);
      for (;;) {
        const changed = Promise.withResolvers<void>();
        const lookers = waiting.get(uuid) ?? new Set();
        waiting.set(uuid, lookers.add(changed.resolve));
        over.addEventListener('abort', () => changed.resolve(), { once: true });
        try {
          // Looked at after the waiter is in place, so that an end between the two is not missed.
          const row = await readJob(database, uuid);
          if (!row || hasEnded(row) || over.aborted) return row;
          await changed.promise;
        } finally {
          lookers.delete(changed.resolve);
          if (lookers.size === 0) waiting.delete(uuid);
        }
      }
    },
    async close() {
      clearInterval(poll);
      closing.abort();
      await unlisten();
    },
  };
}
