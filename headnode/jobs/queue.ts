/**
 * The queue that drives jobs: pg-boss holds one message for each job, keyed by the job's lock, so that those of one lock come one by
 * one and in order. A message whose process went silent is given out again, and so is one whose handler threw, after a pause
 * that grows.
 *
 * pg-boss is asked for messages by one loop here and not by workers of its own: dozens of those would each poll the database.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { PgBoss, type Db } from 'pg-boss';
import type { Database, Queries } from '../db/database.ts';
import { JOBS_CHANNEL } from './store.ts';

export interface QueueOptions {
  readonly database: Database;
  /** Something went wrong in the queue itself; it goes on. */
  onError(error: unknown): void;
  /** How many jobs this process has in hand at most. Jobs mostly wait for nodes. */
  readonly concurrency?: number;
}

export interface Queue {
  /** Queue a job in the transaction of `queries`. */
  send(queries: Queries, job: { readonly uuid: string; readonly lock: string }): Promise<void>;
  /** Give jobs back that a process which is gone for sure had in hand. */
  giveBack(uuids: readonly string[]): Promise<void>;
  /** Hand out jobs from now on. The signal ends when the job is another process's now, or this one stops. */
  begin(handler: (uuid: string, signal: AbortSignal) => Promise<void>): Promise<void>;
  /** Hand out nothing more; what is in hand is given back, to be gone on with by another process. */
  close(): Promise<void>;
}

const QUEUE = 'jobs';
/** A process that does not say for this long that it has a job in hand is taken for dead. pg-boss allows nothing shorter. */
const SILENCE_SECONDS = 10;
const BEAT_MILLISECONDS = 2_500;
const POLL_MILLISECONDS = 2_000;
const CLOSE_MILLISECONDS = 5_000;

/** Open the queue, making its tables when they are not there. */
export async function openQueue({ database, onError, concurrency = 64 }: QueueOptions): Promise<Queue> {
  const boss = new PgBoss({
    db: { executeSql: (text, values) => database.executeSql(text, values) },
    backend: database.kind === 'pglite' ? 'pglite' : 'postgres',
    schedule: false,
    superviseIntervalSeconds: 3,
    monitorIntervalSeconds: 3,
    maintenanceIntervalSeconds: 600,
    monitorVacuum: false,
    reindex: false,
  });
  boss.on('error', onError);
  await boss.start();
  await boss.createQueue(QUEUE, SETTINGS);
  const loop = newLoop({ boss, concurrency, onError });
  const unlisten = await database.listen(JOBS_CHANNEL, loop.wake);
  // What pg-boss knows of the queue must be in its memory before it is asked inside a transaction.
  await boss.findJobs(QUEUE, { id: '00000000-0000-0000-0000-000000000000' });
  return {
    async send(queries, { uuid, lock }) {
      const id = await boss.send(QUEUE, {}, { id: uuid, singletonKey: lock, db: adapterOf(queries) });
      if (id === null) throw new Error(`the queue did not take job ${uuid}`);
    },
    async giveBack(uuids) {
      if (uuids.length > 0) await boss.fail(QUEUE, [...uuids], { reason: 'its process ended' });
    },
    begin: loop.begin,
    async close() {
      await unlisten();
      await loop.end();
      await boss.stop({ graceful: false });
    },
  };
}

const SETTINGS = {
  policy: 'key_strict_fifo',
  heartbeatSeconds: SILENCE_SECONDS,
  // Whether a job is given up is its steps' affair.
  expireInSeconds: 86_399,
  retryLimit: 1_000_000,
  retryDelay: 1,
  retryBackoff: true,
  retryDelayMax: 20,
  retentionSeconds: 10 * 365 * 86_400,
  deleteAfterSeconds: 3_600,
} as const;

interface Loop {
  readonly wake: () => void;
  readonly begin: Queue['begin'];
  end(): Promise<void>;
}

interface InHand {
  readonly attempt: { readonly id: string; readonly retryCount: number };
  readonly lost: AbortController;
  done: Promise<void>;
}

function newLoop({ boss, concurrency, onError }: { readonly boss: PgBoss; readonly concurrency: number; readonly onError: QueueOptions['onError'] }): Loop {
  const inHand = new Map<string, InHand>();
  const stopping = new AbortController();
  let pause = new AbortController();
  let running: Promise<void> = Promise.resolve();
  let beat: NodeJS.Timeout | undefined;

  const wake = (): void => pause.abort();
  const handle = async (one: InHand, handler: Parameters<Queue['begin']>[0]): Promise<void> => {
    const { attempt, lost } = one;
    try {
      await handler(attempt.id, AbortSignal.any([lost.signal, stopping.signal]));
      await boss.complete(QUEUE, attempt);
    } catch (error) {
      if (!lost.signal.aborted) await boss.fail(QUEUE, attempt, { reason: error instanceof Error ? error.message : String(error) });
    }
  };
  const take = async (handler: Parameters<Queue['begin']>[0]): Promise<boolean> => {
    const free = concurrency - inHand.size;
    if (free <= 0) return false;
    const fetched = await boss.fetch(QUEUE, { batchSize: free });
    for (const { id, retryCount } of fetched) {
      const one: InHand = { attempt: { id, retryCount }, lost: new AbortController(), done: Promise.resolve() };
      inHand.set(id, one);
      one.done = handle(one, handler)
        .catch(onError)
        .finally(() => {
          inHand.delete(id);
          wake();
        });
    }
    return fetched.length > 0;
  };
  const run = async (handler: Parameters<Queue['begin']>[0]): Promise<void> => {
    while (!stopping.signal.aborted) {
      pause = new AbortController();
      const found = await take(handler).catch((error: unknown) => {
        onError(error);
        return false;
      });
      if (!found) await sleep(POLL_MILLISECONDS, undefined, { signal: AbortSignal.any([pause.signal, stopping.signal]) }).catch(ignore);
    }
  };
  const sayAlive = async (): Promise<void> => {
    const held = [...inHand.values()];
    if (held.length === 0) return;
    const { settled } = (await boss.touch(QUEUE, held.map(({ attempt }) => attempt))) as { readonly settled?: readonly string[] };
    if (!settled) return;
    for (const one of held) if (!settled.includes(one.attempt.id)) one.lost.abort(new Error('the job is in the hands of another process'));
  };
  return {
    wake,
    async begin(handler) {
      beat = setInterval(() => void sayAlive().catch(onError), BEAT_MILLISECONDS);
      running = run(handler);
    },
    async end() {
      stopping.abort(new Error('this head process stops'));
      await running;
      await Promise.race([Promise.all([...inHand.values()].map(({ done }) => done)), sleep(CLOSE_MILLISECONDS, undefined, { ref: false })]);
      clearInterval(beat);
    },
  };
}

function adapterOf(queries: Queries): Db {
  return { executeSql: async (text, values) => ({ rows: await queries.query(text, values) }) };
}

function ignore(): void {}
