/** More simulated agents than one thread can carry. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { FromThread, ToThread } from './crowd-thread.ts';

/** Simulated agents, spread over threads of this process. */
export interface Crowd {
  /** Let one more agent join. @param token a join token of the head's */
  join(token: string): Promise<void>;
  /** How many are registered with their head. */
  connected(): Promise<number>;
  close(): Promise<void>;
}

/** What one thread carries with some processor time left: each agent sends a heartbeat every five seconds. */
const AGENTS_OF_THREAD = 2500;

/**
 * Threads for so many agents.
 * @param onSpoken called with what each message of an agent took, in milliseconds
 */
export function openCrowd(agents: number, onSpoken: (path: string, milliseconds: number) => void): Crowd {
  const threads = Array.from({ length: Math.ceil(agents / AGENTS_OF_THREAD) }, () => newThread(onSpoken));
  let next = 0;
  return {
    async join(token) {
      const thread = threads[next++ % threads.length];
      await thread?.ask({ what: 'join', token });
    },
    async connected() {
      const counts = await Promise.all(threads.map((thread) => thread.ask({ what: 'count' })));
      return counts.reduce((sum, count) => sum + count, 0);
    },
    close: async () => void (await Promise.all(threads.map((thread) => thread.close()))),
  };
}

function newThread(onSpoken: (path: string, milliseconds: number) => void) {
  const worker = new Worker(new URL('./crowd-thread.ts', import.meta.url));
  const asked = new Map<number, { resolve(count: number): void; reject(error: Error): void }>();
  let id = 0;
  const failAll = (error: Error): void => {
    for (const { reject } of asked.values()) reject(error);
    asked.clear();
  };
  worker.on('error', (error: unknown) => failAll(error instanceof Error ? error : new Error(String(error))));
  worker.on('exit', () => failAll(new Error('a thread of simulated agents has ended')));
  worker.on('message', (message: FromThread) => {
    if (message.what === 'spoken') {
      for (const [path, milliseconds] of message.messages) onSpoken(path, milliseconds);
      return;
    }
    const waiting = asked.get(message.id);
    asked.delete(message.id);
    if (message.what === 'failed') waiting?.reject(new Error(message.reason));
    else waiting?.resolve(message.count);
  });
  const ask = (question: ToThread['question']): Promise<number> =>
    new Promise((resolve, reject) => {
      asked.set(++id, { resolve, reject });
      worker.postMessage({ id, question } satisfies ToThread);
    });
  return {
    ask,
    async close() {
      const ended = once(worker, 'exit');
      await ask({ what: 'close' }).catch(() => undefined);
      await ended;
    },
  };
}
