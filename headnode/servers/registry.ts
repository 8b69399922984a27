/** What agents tell of their node, written down: registration, status, instances, what is installed. */
import type { Register, Status, VmStatus } from '../../agent/wire/index.ts';
import type { Database } from '../db/database.ts';
import { headErrors } from '../errors.ts';
import type { WireObject } from '../services.ts';
import { TELL_CHANGE } from './cache.ts';
import { factsOf } from './from-sysinfo.ts';

/** What became of a message: a stale one is dropped, one of a life that was never registered asks for a registration. */
export type Taken =
  | { readonly outcome: 'taken'; readonly before: VmMap; readonly vms: VmMap }
  | { readonly outcome: 'stale' | 'unregistered' | 'unknown' };

export type VmMap = Readonly<Record<string, WireObject>>;

/**
 * Take a registration: make the server's record when it is new, with the default boot parameters as they are now, and begin the agent's
 * life `boot_id`. A server that has booted since is not on its way any more.
 * @throws InvalidArgument when the document is another server's
 */
export async function register(database: Database, uuid: string, { sysinfo, boot_id: bootId, sequence }: Register): Promise<void> {
  if (sysinfo.UUID !== uuid) throw headErrors.InvalidArgument({ reason: `sysinfo is of ${sysinfo.UUID}, not of ${uuid}` });
  const facts = factsOf(sysinfo);
  await database.transaction(async (queries) => {
    await queries.query(
      `INSERT INTO servers (uuid, hostname, setup, headnode, record, sysinfo, last_boot, created, boot_id, sequence)
       VALUES ($1, $2, $3, $4, $5::jsonb, $6::jsonb, $7, COALESCE($8, now()), $9, $10)
       ON CONFLICT (uuid) DO UPDATE SET
         hostname = excluded.hostname,
         setup = CASE WHEN $11 THEN excluded.setup ELSE servers.setup END,
         headnode = excluded.headnode,
         record = servers.record || excluded.record,
         sysinfo = excluded.sysinfo,
         transitional_status = CASE WHEN servers.last_boot IS DISTINCT FROM excluded.last_boot THEN '' ELSE servers.transitional_status END,
         last_boot = excluded.last_boot,
         boot_id = excluded.boot_id,
         sequence = excluded.sequence
       -- One that was under way for long does not turn back what came after it.
       WHERE servers.boot_id IS DISTINCT FROM excluded.boot_id OR excluded.boot_id IS NULL OR servers.sequence < excluded.sequence
       RETURNING ${TELL_CHANGE}`,
      [
        uuid,
        facts.hostname,
        facts.setup,
        facts.headnode,
        JSON.stringify(facts.record),
        JSON.stringify(sysinfo),
        facts.lastBoot,
        facts.created,
        bootId,
        sequence ?? -1,
        sysinfo.Setup !== undefined,
      ],
    );
    await queries.query(
      `INSERT INTO boot_params (name, params) SELECT $1, COALESCE((SELECT params FROM boot_params WHERE name = 'default'), '{}') ON CONFLICT DO NOTHING`,
      [uuid],
    );
  }, { isolation: 'read committed' });
}

/** Take a status, unless it is not newer than what the server said before. */
export async function takeStatus(database: Database, uuid: string, status: Status): Promise<Taken> {
  const { vms, meminfo, diskinfo, zpoolStatus, boot_time, timestamp, boot_id: bootId, sequence } = status;
  const figures = { meminfo, diskinfo, zpoolStatus, boot_time, timestamp };
  const [row] = await database.query<{ before: VmMap }>(
    `UPDATE servers SET vms = $2::jsonb, figures = $3::jsonb, sequence = COALESCE($5, servers.sequence)
     FROM (SELECT vms AS before FROM servers WHERE uuid = $1 FOR UPDATE) AS old
     WHERE servers.uuid = $1 AND servers.boot_id IS NOT DISTINCT FROM $4::uuid AND ($5::bigint IS NULL OR servers.sequence < $5)
     RETURNING old.before, ${TELL_CHANGE}`,
    [uuid, JSON.stringify(vms), JSON.stringify(figures), bootId, sequence],
  );
  if (row) return { outcome: 'taken', before: row.before, vms };
  return await whyNotTaken(database, uuid, bootId);
}

/** Take all instances of a server. */
export async function takeAllVms(database: Database, uuid: string, vms: VmMap): Promise<Taken> {
  const [row] = await database.query<{ before: VmMap }>(
    `UPDATE servers SET vms = $2::jsonb FROM (SELECT vms AS before FROM servers WHERE uuid = $1 FOR UPDATE) AS old
     WHERE servers.uuid = $1 RETURNING old.before, ${TELL_CHANGE}`,
    [uuid, JSON.stringify(Object.fromEntries(Object.entries(vms).map(([vm, properties]) => [vm, inShort(properties)])))],
  );
  return row ? { outcome: 'taken', before: row.before, vms } : { outcome: 'unknown' };
}

/** Take one instance of a server that changed, or is gone (state `destroyed`). The others stay as they were. */
export async function takeOneVm(database: Database, uuid: string, vm: WireObject & { readonly uuid: string }): Promise<Taken> {
  const change = vm['state'] === 'destroyed' ? 'servers.vms - $2' : 'servers.vms || jsonb_build_object($2::text, $3::jsonb)';
  const [row] = await database.query<{ before: VmMap; vms: VmMap }>(
    `UPDATE servers SET vms = ${change} FROM (SELECT vms AS before FROM servers WHERE uuid = $1 FOR UPDATE) AS old
     WHERE servers.uuid = $1 AND $3::jsonb IS NOT NULL RETURNING old.before, servers.vms, ${TELL_CHANGE}`,
    [uuid, vm.uuid, JSON.stringify(inShort(vm))],
  );
  if (!row) return { outcome: 'unknown' };
  return { outcome: 'taken', before: row.before, vms: vm.uuid in row.vms ? { ...row.vms, [vm.uuid]: vm } : row.vms };
}

/** Whether a heartbeat is of the life that is registered. Nothing is written. */
export function isOfThisLife(row: { readonly boot_id: string | null }, bootId: string | undefined): boolean {
  return (row.boot_id ?? undefined) === bootId;
}

async function whyNotTaken(database: Database, uuid: string, bootId: string | undefined): Promise<Taken> {
  const [row] = await database.query<{ boot_id: string | null }>('SELECT boot_id FROM servers WHERE uuid = $1', [uuid]);
  if (!row) return { outcome: 'unknown' };
  return { outcome: isOfThisLife(row, bootId) ? 'stale' : 'unregistered' };
}

/** The properties of an instance that a status has (§1.5). */
function inShort(vm: WireObject): Partial<VmStatus> {
  return Object.fromEntries(STATUS_PROPERTIES.flatMap((name) => (vm[name] === undefined ? [] : [[name, vm[name]]])));
}

const STATUS_PROPERTIES = ['uuid', 'owner_uuid', 'brand', 'state', 'zone_state', 'cpu_cap', 'max_physical_memory', 'quota', 'last_modified'] as const;
