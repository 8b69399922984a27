/**
 * Which servers are alive (control-plane §2.3). Heartbeats are kept in memory; only changes are written.
 *
 * Each server belongs to the head process that its heartbeats reach: the first one that arrives there makes it so. A process
 * judges the servers that are its own, and those of head processes that are themselves not seen any more. So a server whose
 * heartbeats move to another process is never thought dead, and one whose head died is found by any that lives.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../db/database.ts';
import type { ServerStatus } from '../services.ts';
import { TELL_CHANGE } from './cache.ts';

export interface LivenessOptions {
  readonly database: Database;
  readonly name: string;
  /** This head's URL for nodes, once it listens for them. */
  url(): string | undefined;
  /** Called for each change; before it is written when a server is lost, so that one whose writer dies is found again. */
  onChange(uuid: string, status: ServerStatus): Promise<void>;
  /** Called when a round failed; the next one tries again. */
  onTrouble(error: unknown): void;
  /** Called when this process has changed a server's row. */
  touched(uuid: string): void;
}

export interface Liveness {
  /** This process among the head processes. */
  readonly headId: string;
  /**
   * A server was heard just now. Nothing is asked of the database when this process heard it before.
   * @returns `stale` for what is not newer than what was heard, `unregistered` for another life than the one that registered, `unknown` for no server
   */
  heard(uuid: string, message: Counted): Promise<'taken' | 'stale' | 'unregistered' | 'unknown'>;
  /** When a server was last heard in this process. */
  lastHeard(uuid: string): Date | undefined;
  forget(uuid: string): void;
  /** Write down now that this process lives, and where. */
  announce(): Promise<void>;
  /** Head processes that live, this one among them. */
  living(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** Which life of an agent speaks, and how often it has spoken (agent/wire/messages.ts). A genuine cn-agent does not count. */
export interface Counted {
  readonly boot_id?: string | undefined;
  readonly sequence?: number | undefined;
}

/** A heartbeat comes every 5 s; two that are missing mean that the server is not known to run. */
const ALIVE_MILLISECONDS = 11_000;
const ROUND_MILLISECONDS = 2_000;
/** A head process that was not seen for so long is gone; its servers have had the time to go to another. */
const HEAD_SECONDS = 11;
const FORGET_HEAD_SECONDS = 24 * 60 * 60;
const LIVING_HEADS = `SELECT id FROM heads WHERE seen_at > now() - ${HEAD_SECONDS} * interval '1 second'`;
/** Of a server: no living head process hears it. A head that ends stays living for that long, so its servers can go to another. */
const ORPHANED = `(head IS NULL OR head NOT IN (${LIVING_HEADS}))`;

interface Beat {
  at: number;
  readonly bootId: string | undefined;
  sequence: number;
}

export async function openLiveness({ database, name, url, onChange, onTrouble, touched }: LivenessOptions): Promise<Liveness> {
  const headId = randomUUID();
  const beats = new Map<string, Beat>();
  const ended = new AbortController();
  const startedAt = Date.now();
  await seen();

  async function seen(): Promise<void> {
    await database.query(
      'INSERT INTO heads (id, name, url) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET seen_at = now(), url = excluded.url',
      [headId, name, url()],
    );
    await database.query(`DELETE FROM heads WHERE seen_at < now() - ${FORGET_HEAD_SECONDS} * interval '1 second'`);
  }

  /** Make a server ours and running. @returns false when there is none of this life */
  async function own(uuid: string, bootId: string | undefined): Promise<boolean> {
    const [row] = await database.query<{ was: ServerStatus }>(
      `UPDATE servers SET status = 'running', transitional_status = CASE WHEN old.was = 'running' THEN servers.transitional_status ELSE '' END, head = $2, last_heartbeat = now()
       FROM (SELECT status AS was FROM servers WHERE uuid = $1 FOR UPDATE) AS old
       WHERE servers.uuid = $1 AND servers.boot_id IS NOT DISTINCT FROM $3::uuid RETURNING old.was, ${TELL_CHANGE}`,
      [uuid, headId, bootId],
    );
    if (!row) return false;
    touched(uuid);
    // Who waits for an answer is the agent, and it says all that there is within the minute.
    if (row.was !== 'running') void onChange(uuid, 'running').catch(onTrouble);
    return true;
  }

  /** Servers that are heard here and that another process took, lost or deleted in the meantime. */
  async function reclaim(since: number): Promise<void> {
    const recent = [...beats].filter(([, { at }]) => at >= since).map(([uuid]) => uuid);
    if (recent.length === 0) return;
    const rows = await database.query<{ uuid: string }>(
      `SELECT recent.uuid FROM unnest($1::uuid[]) AS recent (uuid) LEFT JOIN servers USING (uuid) WHERE servers.uuid IS NULL OR status <> 'running' OR head IS DISTINCT FROM $2`,
      [recent, headId],
    );
    // One that is gone, or has another life now, says so to whom it speaks next.
    for (const { uuid } of rows) if (!(await own(uuid, beats.get(uuid)?.bootId))) beats.delete(uuid);
  }

  /** Our own that were silent for too long, and those whose head process is gone and that are not heard here. */
  async function judge(): Promise<void> {
    const silent = [...beats].filter(([, { at }]) => Date.now() - at >= ALIVE_MILLISECONDS).map(([uuid]) => uuid);
    const rows = await database.query<{ uuid: string }>(
      `SELECT uuid FROM servers WHERE status = 'running' AND ((head = $1 AND uuid = ANY($2::uuid[])) OR ($3 AND ${ORPHANED}))`,
      // After a start all of them need the time of a heartbeat or two to find this process.
      [headId, silent, Date.now() - startedAt >= ALIVE_MILLISECONDS],
    );
    for (const { uuid } of rows) await lose(uuid);
    for (const uuid of silent) if (!isFresh(uuid)) beats.delete(uuid);
  }

  async function lose(uuid: string): Promise<void> {
    if (isFresh(uuid)) return;
    const last = beats.get(uuid)?.at;
    await onChange(uuid, 'unknown');
    // It may have been heard since we looked, here or in another process.
    if (isFresh(uuid)) return;
    await database.query(
      `UPDATE servers SET status = 'unknown', last_heartbeat = COALESCE($2, last_heartbeat) WHERE uuid = $1 AND (head = $3 OR ${ORPHANED}) RETURNING ${TELL_CHANGE}`,
      [uuid, last === undefined ? null : new Date(last), headId],
    );
    touched(uuid);
  }

  function isFresh(uuid: string): boolean {
    const beat = beats.get(uuid);
    return beat !== undefined && Date.now() - beat.at < ALIVE_MILLISECONDS;
  }

  async function rounds(): Promise<void> {
    let since = startedAt;
    while (!ended.signal.aborted) {
      const began = Date.now();
      try {
        await seen();
        await reclaim(since);
        await judge();
        since = began;
      } catch (error) {
        onTrouble(error);
      }
      await sleep(ROUND_MILLISECONDS, undefined, { signal: ended.signal }).catch(() => undefined);
    }
  }
  const running = rounds();

  return {
    headId,
    async heard(uuid, { boot_id: bootId, sequence }) {
      const beat = beats.get(uuid);
      if (beat && beat.bootId === bootId) {
        if (sequence !== undefined && sequence <= beat.sequence) return 'stale';
        beat.at = Date.now();
        beat.sequence = sequence ?? beat.sequence;
        return 'taken';
      }
      if (await own(uuid, bootId)) {
        beats.set(uuid, { at: Date.now(), bootId, sequence: sequence ?? -1 });
        return 'taken';
      }
      const [row] = await database.query('SELECT FROM servers WHERE uuid = $1', [uuid]);
      return row ? 'unregistered' : 'unknown';
    },
    lastHeard: (uuid) => (beats.has(uuid) ? new Date(beats.get(uuid)?.at ?? 0) : undefined),
    forget: (uuid) => void beats.delete(uuid),
    announce: seen,
    async living() {
      const rows = await database.query<{ id: string }>(LIVING_HEADS);
      return rows.map(({ id }) => id);
    },
    async close() {
      ended.abort();
      await running;
    },
  };
}
