/** Machines that ask, as they are stored: one row for each key that asks under a uuid. */
import { createHash } from 'node:crypto';
import { readableFingerprint, type SetupEvent, type Sysinfo } from '../../agent/wire/index.ts';
import type { Database, Queries } from '../db/database.ts';
import { headErrors } from '../errors.ts';
import type { WireObject } from '../services.ts';
import { TELL_CHANGE } from '../servers/cache.ts';
import { factsOf } from '../servers/from-sysinfo.ts';

export interface Asking {
  readonly uuid: string;
  /** SHA-256 of its public key. */
  readonly key: string;
  readonly csr: string;
  readonly secret: string;
  readonly sysinfo: Sysinfo;
  readonly address: string;
}

export interface JoinRequestRow {
  readonly uuid: string;
  readonly key: string;
  readonly csr: string;
  readonly secret: string;
  readonly sysinfo: Sysinfo;
  readonly address: string;
  readonly first_seen: Date;
  readonly seen_at: Date;
  readonly job: string | null;
  readonly approved_at: Date | null;
  readonly setup: string | null;
  readonly handed_at: Date | null;
  readonly states: ReadonlyArray<{ readonly state: string; readonly at: string }>;
  readonly failure: string | null;
}

/** A machine asks every 5 seconds; one that was silent for so long does not ask any more. */
export const ASKING = "seen_at > now() - interval '30 seconds'";
const MOST_ASKING = 512;
const MOST_OF_AN_ADDRESS = 16;
const KEPT = "interval '1 day'";

/**
 * Take note of who asks. @returns its row
 * @throws TooManyRequests when too many others do; NotAuthorized for a key that is known with another secret
 */
export async function noteRequest(database: Database, asking: Asking): Promise<JoinRequestRow> {
  const { uuid, key, csr, secret, sysinfo, address } = asking;
  return await database.transaction(
    async (queries) => {
      // One after the other, so that a flood meets its limit.
      await queries.query("SELECT pg_advisory_xact_lock(hashtext('zonewright join requests'))");
      await forgetOld(queries);
      const [known] = await queries.query<JoinRequestRow>('SELECT * FROM join_requests WHERE uuid = $1 AND key = $2', [uuid, key]);
      if (known && known.secret !== digestOf(secret)) throw headErrors.NotAuthorized({ reason: 'this request was made by another machine' });
      if (!known) await requireRoom(queries, address);
      const [row] = await queries.query<JoinRequestRow>(
        `INSERT INTO join_requests (uuid, key, csr, secret, sysinfo, address) VALUES ($1, $2, $3, $4, $5::jsonb, $6)
         ON CONFLICT (uuid, key) DO UPDATE SET seen_at = now(), sysinfo = excluded.sysinfo, address = excluded.address, csr = excluded.csr RETURNING *`,
        [uuid, key, csr, digestOf(secret), JSON.stringify(sysinfo), address],
      );
      if (!row) throw new Error('a join request was written and is not there');
      return row;
    },
    { isolation: 'read committed' },
  );
}

/** The secret is 256 random bits, so its plain digest gives nothing away. */
function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

async function requireRoom(queries: Queries, address: string): Promise<void> {
  const [row] = await queries.query<{ all: number; own: number }>(`SELECT count(*)::integer AS all, (count(*) FILTER (WHERE address = $1))::integer AS own FROM join_requests WHERE ${ASKING}`, [address]);
  if ((row?.own ?? 0) >= MOST_OF_AN_ADDRESS) throw headErrors.TooManyRequests({ reason: `${MOST_OF_AN_ADDRESS} machines ask from ${address} already` });
  if ((row?.all ?? 0) >= MOST_ASKING) throw headErrors.TooManyRequests({ reason: `${MOST_ASKING} machines ask already` });
}

/** Machines that went away, and servers that were never more than such a machine. */
async function forgetOld(queries: Queries): Promise<void> {
  await queries.query(
    `WITH old AS (DELETE FROM join_requests WHERE seen_at < now() - ${KEPT} AND (job IS NULL OR failure IS NOT NULL) RETURNING uuid)
     DELETE FROM servers USING old WHERE servers.uuid = old.uuid AND NOT servers.setup AND servers.boot_id IS NULL AND servers.status <> 'running'
       AND NOT EXISTS (SELECT 1 FROM join_requests AS other WHERE other.uuid = servers.uuid AND other.seen_at >= now() - ${KEPT}) RETURNING ${TELL_CHANGE}`,
  );
}

/**
 * Show who asks as a server that is not set up (control-plane §2.5). A server that is set up, or whom another key asks or
 * asked for first, is not touched.
 * @returns whether the server is the one that asks
 */
export async function showAsServer(database: Database, { uuid, key, sysinfo }: Asking): Promise<boolean> {
  const facts = factsOf(sysinfo);
  const rows = await database.query(
    `INSERT INTO servers (uuid, hostname, setup, headnode, record, sysinfo, last_boot)
     SELECT $1, $2, false, false, $3::jsonb, $4::jsonb, $5
     ON CONFLICT (uuid) DO UPDATE SET hostname = excluded.hostname, record = servers.record || excluded.record, sysinfo = excluded.sysinfo, last_boot = excluded.last_boot, boot_id = NULL
     WHERE NOT servers.setup AND NOT EXISTS (
       SELECT 1 FROM join_requests AS other, join_requests AS own
       WHERE own.uuid = $1 AND own.key = $6 AND other.uuid = $1 AND other.key <> $6
         AND ((other.job IS NOT NULL AND own.job IS NULL AND other.failure IS NULL) OR (other.first_seen < own.first_seen AND other.${ASKING})))
     RETURNING ${TELL_CHANGE}`,
    [uuid, facts.hostname, JSON.stringify(facts.record), JSON.stringify(sysinfo), facts.lastBoot, key],
  );
  if (rows.length === 0) return false;
  await database.query(`INSERT INTO boot_params (name, params) SELECT $1, COALESCE((SELECT params FROM boot_params WHERE name = 'default'), '{}') ON CONFLICT DO NOTHING`, [uuid]);
  return true;
}

/** Those that ask now, or were approved of, as people look at them. */
export async function listRequests(queries: Queries): Promise<WireObject[]> {
  const rows = await queries.query<JoinRequestRow & { asking: boolean; known: boolean }>(
    `SELECT join_requests.*, join_requests.${ASKING} AS asking, COALESCE(servers.setup, false) AS known FROM join_requests LEFT JOIN servers USING (uuid)
     WHERE join_requests.${ASKING} OR join_requests.job IS NOT NULL ORDER BY first_seen`,
  );
  return rows.map(({ uuid, key, sysinfo, address, first_seen, seen_at, job, states, failure, asking, known }) => ({
    uuid,
    fingerprint: readableFingerprint(key),
    key_sha256: key,
    hostname: sysinfo.Hostname ?? '',
    address,
    macs: Object.values(sysinfo['Network Interfaces'] ?? {}).map((nic) => nic['MAC Address']),
    disks: Object.keys(sysinfo.Disks ?? {}),
    memory_mib: Number(sysinfo['MiB of Memory'] ?? 0),
    first_seen: first_seen.toISOString(),
    last_seen: seen_at.toISOString(),
    asking,
    /** A server of this uuid is set up: another machine, or the same one with new disks. */
    replaces: known,
    job_uuid: job,
    states: states.map(({ state }) => state),
    failure,
  }));
}

/** The one machine that asks under a uuid, or that one of them whose fingerprint is given. @throws NotAsking */
export async function requestOf(queries: Queries, uuid: string, fingerprint: string | undefined): Promise<JoinRequestRow> {
  const rows = await queries.query<JoinRequestRow>(`SELECT * FROM join_requests WHERE uuid = $1 AND ${ASKING} ORDER BY first_seen FOR UPDATE`, [uuid]);
  const wanted = fingerprint?.toLowerCase().replaceAll('-', '');
  const fitting = rows.filter(({ key }) => wanted === undefined || key === wanted || key.slice(0, 32) === wanted);
  const [row] = fitting;
  if (!row) throw headErrors.NotAsking({ server: uuid, reason: rows.length === 0 ? 'it was not heard in the last half minute' : `its key is ${rows.map(({ key }) => readableFingerprint(key)).join(' or ')}` });
  if (fitting.length > 1) throw headErrors.NotAsking({ server: uuid, reason: `${fitting.length} machines ask under this uuid, with the keys ${fitting.map(({ key }) => readableFingerprint(key)).join(' and ')}: name one by fingerprint` });
  return row;
}

/** The approved request of a job. */
export async function requestOfJob(queries: Queries, job: string): Promise<JoinRequestRow | undefined> {
  return (await queries.query<JoinRequestRow>('SELECT * FROM join_requests WHERE job = $1', [job]))[0];
}

/** What a machine tells while it is set up. Nothing when nobody sets it up. */
export async function noteState(queries: Queries, uuid: string, { state, error }: SetupEvent): Promise<void> {
  await queries.query(
    `UPDATE join_requests SET states = states || jsonb_build_array(jsonb_build_object('state', $2::text, 'at', now())), failure = COALESCE(failure, $3)
     WHERE uuid = $1 AND job IS NOT NULL AND jsonb_array_length(states) < 64`,
    [uuid, state, state === 'failed' ? (error ?? 'the machine did not say why') : null],
  );
}
