/**
 * Waitlist tickets (control-plane §2.6): at most one is active for each server, scope and id; the others queue in the order
 * in which they came. There is no director: whoever lets go of a place gives it to the next in the same transaction.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, Queries } from '../db/database.ts';
import { headErrors } from '../errors.ts';
import type { WireObject } from '../services.ts';

export interface TicketRequest {
  readonly scope: string;
  readonly id: string;
  readonly action: string;
  readonly expires_at: Date;
  readonly reqid: string;
  readonly extra: WireObject;
}

interface TicketRow {
  readonly uuid: string;
  readonly server_uuid: string;
  readonly scope: string;
  readonly id: string;
  readonly action: string;
  readonly reqid: string;
  readonly extra: WireObject;
  readonly status: 'queued' | 'active' | 'finished' | 'expired';
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly expires_at: Date;
}

export interface Tickets {
  /** @returns the new ticket's uuid, and everything that waits for the same, itself last */
  create(serverUuid: string, request: TicketRequest): Promise<{ readonly uuid: string; readonly queue: readonly WireObject[] }>;
  list(serverUuid: string, page: { readonly limit: number; readonly offset: number }): Promise<readonly WireObject[]>;
  /** @throws ResourceNotFound */
  get(uuid: string): Promise<WireObject>;
  /** Wait until a ticket is active, or over. @throws ResourceNotFound */
  wait(uuid: string, signal: AbortSignal): Promise<WireObject>;
  /** @throws ResourceNotFound */
  release(uuid: string): Promise<void>;
  /** @throws ResourceNotFound */
  remove(uuid: string): Promise<void>;
  removeAll(serverUuid: string): Promise<void>;
  close(): Promise<void>;
}

const COLUMNS = 'uuid, server_uuid, scope, id, action, reqid, extra, status, created_at, updated_at, expires_at';
const CHANNEL = 'zonewright_tickets';
/** Nobody says when a ticket expires, so who waits looks. */
const LOOK_MILLISECONDS = 1000;

export async function openTickets(database: Database): Promise<Tickets> {
  const wakers = new Set<() => void>();
  const stop = await database.listen(CHANNEL, () => {
    for (const waker of wakers) waker();
  });
  const change = async <Result>(work: (queries: Queries) => Promise<Result>): Promise<Result> => {
    return await database.transaction(async (queries) => {
      // One after the other, whichever process: what is active is decided here only.
      await queries.query("SELECT pg_advisory_xact_lock(hashtext('zonewright_tickets'))");
      return await work(queries);
    }, { isolation: 'read committed' });
  };
  const find = async (uuid: string): Promise<TicketRow> => {
    const [row] = await database.query<TicketRow>(`SELECT ${COLUMNS} FROM tickets WHERE uuid = $1`, [uuid]);
    if (!row) throw headErrors.ResourceNotFound({ what: `ticket ${uuid}` });
    return row;
  };
  return {
    async create(serverUuid, { scope, id, action, expires_at, reqid, extra }) {
      const uuid = randomUUID();
      return await change(async (queries) => {
        await queries.query(
          `INSERT INTO tickets (uuid, server_uuid, scope, id, action, reqid, extra, status, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, 'queued', $8)`,
          [uuid, serverUuid, scope, id, action, reqid, JSON.stringify(extra), expires_at],
        );
        await promote(queries);
        const queue = await queries.query<TicketRow>(
          `SELECT ${COLUMNS} FROM tickets WHERE server_uuid = $1 AND scope = $2 AND id = $3 AND status IN ('queued', 'active') ORDER BY number`,
          [serverUuid, scope, id],
        );
        return { uuid, queue: queue.map(ticketObject) };
      });
    },
    async list(serverUuid, { limit, offset }) {
      const rows = await database.query<TicketRow>(`SELECT ${COLUMNS} FROM tickets WHERE server_uuid = $1 ORDER BY number LIMIT $2 OFFSET $3`, [serverUuid, limit, offset]);
      return rows.map(ticketObject);
    },
    get: async (uuid) => ticketObject(await find(uuid)),
    async wait(uuid, signal) {
      for (;;) {
        const ended = new AbortController();
        const woken = new Promise<void>((resolve) => wakers.add(resolve).has(resolve) && ended.signal.addEventListener('abort', () => wakers.delete(resolve)));
        try {
          let row = await find(uuid);
          if (row.status === 'queued') {
            await change(promote);
            row = await find(uuid);
          }
          if (row.status !== 'queued' || signal.aborted) return ticketObject(row);
          await Promise.race([woken, sleep(LOOK_MILLISECONDS, undefined, { signal: AbortSignal.any([signal, ended.signal]) }).catch(() => undefined)]);
        } finally {
          ended.abort();
        }
      }
    },
    async release(uuid) {
      await find(uuid);
      await change(async (queries) => {
        await queries.query("UPDATE tickets SET status = 'finished', updated_at = now() WHERE uuid = $1 AND status IN ('queued', 'active')", [uuid]);
        await promote(queries);
      });
    },
    async remove(uuid) {
      await find(uuid);
      await change(async (queries) => {
        await queries.query('DELETE FROM tickets WHERE uuid = $1', [uuid]);
        await promote(queries);
      });
    },
    removeAll: (serverUuid) => change(async (queries) => void (await queries.query('DELETE FROM tickets WHERE server_uuid = $1', [serverUuid]))),
    close: () => stop(),
  };
}

/** Let those expire whose time is over, and make the first of each queue active where nobody is. */
async function promote(queries: Queries): Promise<void> {
  const expired = await queries.query("UPDATE tickets SET status = 'expired', updated_at = now() WHERE status IN ('queued', 'active') AND expires_at <= now() RETURNING uuid");
  const active = await queries.query(
    `UPDATE tickets SET status = 'active', updated_at = now() WHERE number IN (
       SELECT min(number) FROM tickets WHERE status IN ('queued', 'active') GROUP BY server_uuid, scope, id HAVING bool_and(status = 'queued')) RETURNING uuid`,
  );
  // Those who wait look when told, so telling them nothing new would keep them looking.
  if (expired.length + active.length > 0) await queries.query('SELECT pg_notify($1, $2)', [CHANNEL, '']);
  await queries.query("DELETE FROM tickets WHERE status IN ('finished', 'expired') AND updated_at < now() - interval '30 days'");
}

function ticketObject(row: TicketRow): WireObject {
  return { ...row, created_at: row.created_at.toISOString(), updated_at: row.updated_at.toISOString(), expires_at: row.expires_at.toISOString() };
}
