import type { Database } from '../db/database.ts';
import type { Server } from '../services.ts';
import { SERVER_COLUMNS, serverObject, type ServerRow } from './server-object.ts';

/**
 * All servers as objects in this process, so that placement over thousands of them reads no documents. Whoever changes a
 * row says so on a channel; rows that were named are read again when somebody asks next.
 */
export interface ServerCache {
  list(): Promise<readonly Server[]>;
  get(uuid: string): Promise<Server | undefined>;
  /** The row as it was read last, with what only servers/ looks at. */
  row(uuid: string): Promise<ServerRow | undefined>;
  /** This process has just changed a row: what it reads next is the new one. */
  touch(uuid: string): void;
  close(): Promise<void>;
}

/** In a statement that changes `servers`: tell every process which one. */
export const TELL_CHANGE = "pg_notify('zonewright_servers', servers.uuid::text)";
const SERVERS_CHANNEL = 'zonewright_servers';
/** Should a notification be lost, the whole is read again after this time. */
const WHOLE_MILLISECONDS = 60_000;

export async function openServerCache(database: Database): Promise<ServerCache> {
  const entries = new Map<string, { readonly row: ServerRow; readonly server: Server }>();
  const stale = new Set<string>();
  let wholeAt = Number.NEGATIVE_INFINITY;
  let refreshing: Promise<void> = Promise.resolve();

  const refresh = async (): Promise<void> => {
    if (Date.now() - wholeAt > WHOLE_MILLISECONDS) {
      const began = Date.now();
      stale.clear();
      const rows = await database.query<ServerRow>(`SELECT ${SERVER_COLUMNS} FROM servers`);
      entries.clear();
      for (const row of rows) entries.set(row.uuid, { row, server: serverObject(row) });
      wholeAt = began;
    }
    if (stale.size === 0) return;
    const named = [...stale];
    stale.clear();
    try {
      const rows = await database.query<ServerRow>(`SELECT ${SERVER_COLUMNS} FROM servers WHERE uuid = ANY($1::uuid[])`, [named]);
      for (const uuid of named) entries.delete(uuid);
      for (const row of rows) entries.set(row.uuid, { row, server: serverObject(row) });
    } catch (error) {
      for (const uuid of named) stale.add(uuid);
      throw error;
    }
  };
  // One at a time, so that an older answer never overwrites a newer one.
  const fresh = async (): Promise<void> => {
    const next = refreshing.catch(() => undefined).then(refresh);
    refreshing = next;
    await next;
  };
  const stop = await database.listen(SERVERS_CHANNEL, (uuid) => {
    if (uuid === undefined || uuid === '') wholeAt = Number.NEGATIVE_INFINITY;
    else stale.add(uuid);
  });

  const entry = async (uuid: string) => {
    await fresh();
    return entries.get(uuid);
  };
  return {
    async list() {
      await fresh();
      return [...entries.values()].map(({ server }) => server);
    },
    get: async (uuid) => (await entry(uuid))?.server,
    row: async (uuid) => (await entry(uuid))?.row,
    touch: (uuid) => void stale.add(uuid),
    async close() {
      await stop();
      await refreshing.catch(() => undefined);
    },
  };
}
