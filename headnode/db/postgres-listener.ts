import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Database } from './database.ts';

type Listener = (payload: string | undefined) => void;

/** One connection that hears notifications for all listeners of this process, made again whenever it breaks. */
export function openListener(options: pg.ClientConfig): { readonly listen: Database['listen']; close(): Promise<void> } {
  const listeners = new Map<string, Set<Listener>>();
  const ended = new AbortController();
  let client: pg.Client | undefined;
  let connecting: Promise<void> | undefined;

  const connect = async (): Promise<void> => {
    const fresh = new pg.Client({ ...options, keepAlive: true });
    fresh.on('error', () => void fresh.end().catch(ignore));
    fresh.on('end', () => {
      if (client !== fresh) return;
      client = undefined;
      if (!ended.signal.aborted) connecting = connectAgain().catch(ignore);
    });
    fresh.on('notification', ({ channel, payload }) => tell(channel, payload ?? ''));
    try {
      await fresh.connect();
      for (const channel of listeners.keys()) await fresh.query(`LISTEN ${fresh.escapeIdentifier(channel)}`);
    } catch (error) {
      await fresh.end().catch(ignore);
      throw error;
    }
    client = fresh;
  };
  const connectAgain = async (): Promise<void> => {
    for (;;) {
      await sleep(RETRY_MILLISECONDS, undefined, { signal: ended.signal });
      try {
        await connect();
        break;
      } catch {
        // The slow poll of each listener bridges the time until the server is back.
      }
    }
    for (const channel of listeners.keys()) tell(channel, undefined);
  };
  const tell = (channel: string, payload: string | undefined): void => {
    for (const listener of listeners.get(channel) ?? []) listener(payload);
  };

  return {
    async listen(channel, listener) {
      if (!/^[a-z0-9_]{1,60}$/.test(channel)) throw new Error(`not a channel name: ${channel}`);
      const isNew = !listeners.has(channel);
      const ofChannel = listeners.get(channel) ?? new Set();
      listeners.set(channel, ofChannel.add(listener));
      if (!client && !connecting) connecting = connect().finally(() => (connecting = undefined));
      await connecting?.catch(ignore);
      if (isNew) await client?.query(`LISTEN ${client.escapeIdentifier(channel)}`);
      return async () => {
        ofChannel.delete(listener);
      };
    },
    async close() {
      ended.abort();
      await connecting?.catch(ignore);
      await client?.end().catch(ignore);
    },
  };
}

const RETRY_MILLISECONDS = 500;

function ignore(): void {}
