/**
 * Places that are promised, in the database, so that all head processes see them.
 *
 * A reservation counts until it is given back or expires. When the node reports the VM, the report counts in its place; the row
 * stays a while even so, since another head process may not have the report yet.
 */
import type { Database, Queries } from '../db/database.ts';
import type { ServerReport } from '../services.ts';
import type { Reservation } from './capacity.ts';
import type { Need } from './need.ts';

interface Row {
  readonly vm_uuid: string;
  readonly server_uuid: string;
  readonly owner_uuid: string | null;
  readonly ram: number;
  readonly disk: number;
  readonly cpu: number;
}

/** How long a reported VM's row is kept: longer than any process may go without reading the servers anew. */
const KEPT_AFTER_REPORT = "interval '2 minutes'";
const LIVE = `placement_reservations.expires_at > now() AND (placement_reservations.seen_at IS NULL OR placement_reservations.seen_at > now() - ${KEPT_AFTER_REPORT})`;
const COLUMNS = 'vm_uuid, server_uuid, owner_uuid, ram, disk, cpu';

/** As one document: a burst of creates makes thousands, and reading that many rows takes longer than placing a VM. */
export async function allReservations(queries: Queries): Promise<readonly Reservation[]> {
  const [row] = await queries.query<{ list: ReadonlyArray<[string, string, string | null, number, number, number]> | null }>(
    `SELECT json_agg(json_build_array(vm_uuid, server_uuid, owner_uuid, ram, disk, cpu)) AS list FROM placement_reservations WHERE ${LIVE}`,
  );
  return (row?.list ?? []).map(([vmUuid, serverUuid, owner, ram, disk, cpu]) => ({ vmUuid, serverUuid, owner: owner ?? undefined, ram, disk, cpu }));
}

/** How an attempt to reserve ended. */
export type Reserved =
  | 'reserved'
  /** The VM has a place already. */
  | 'had one'
  /** It does not qualify any more. */
  | 'refused';

/**
 * Reserve a place on a server. Whoever does so for the same server at the same moment, in any process, comes before or after.
 * @param judge looks at the server with all reservations on it; undefined when it is fine
 */
export async function reserve(db: Database, serverUuid: string, { need, seconds, judge }: { readonly need: Need & { readonly vmUuid: string }; readonly seconds: number; readonly judge: (reservations: readonly Reservation[]) => string | undefined }): Promise<Reserved> {
  return await db.transaction(
    async (queries) => {
      await queries.query('INSERT INTO placement_servers (server_uuid) VALUES ($1) ON CONFLICT (server_uuid) DO UPDATE SET version = placement_servers.version + 1', [serverUuid]);
      const rows = await queries.query<Row>(
        `WITH over AS (DELETE FROM placement_reservations WHERE server_uuid = $1 AND NOT (${LIVE}))
         SELECT ${COLUMNS} FROM placement_reservations WHERE server_uuid = $1 AND ${LIVE}`,
        [serverUuid],
      );
      if (judge(rows.map(reservationOf)) !== undefined) return 'refused';
      const [row] = await queries.query(
        `INSERT INTO placement_reservations (vm_uuid, server_uuid, owner_uuid, brand, ram, disk, cpu, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, now() + $8 * interval '1 second')
         ON CONFLICT (vm_uuid) DO UPDATE SET server_uuid = $2, owner_uuid = $3, brand = $4, ram = $5, disk = $6, cpu = $7, created_at = now(), seen_at = NULL, expires_at = now() + $8 * interval '1 second'
         WHERE NOT (${LIVE})
         RETURNING vm_uuid`,
        [need.vmUuid, serverUuid, need.owner, need.brand, need.ram, need.disk, need.cpu, seconds],
      );
      return row ? 'reserved' : 'had one';
    },
    { isolation: 'read committed' },
  );
}

/** Keep a reservation for longer than it was made for. */
export async function prolong(db: Database, vmUuid: string, seconds: number): Promise<void> {
  await db.query("UPDATE placement_reservations SET expires_at = GREATEST(expires_at, now() + $2 * interval '1 second') WHERE vm_uuid = $1", [vmUuid, seconds]);
}

export async function release(db: Database, vmUuid: string): Promise<void> {
  await db.query('DELETE FROM placement_reservations WHERE vm_uuid = $1', [vmUuid]);
}

/** A node has told which VMs it has: reservations for those are fulfilled, and end when the VM goes. */
export async function noteReport(db: Database, { serverUuid, vms, changed }: ServerReport): Promise<void> {
  if (vms === undefined || changed?.length === 0) return;
  const pending = await db.query<{ vm_uuid: string; seen: boolean }>('SELECT vm_uuid, seen_at IS NOT NULL AS seen FROM placement_reservations WHERE server_uuid = $1', [serverUuid]);
  const appeared = pending.filter(({ vm_uuid, seen }) => !seen && vm_uuid in vms).map(({ vm_uuid }) => vm_uuid);
  if (appeared.length > 0) await db.query('UPDATE placement_reservations SET seen_at = now() WHERE vm_uuid = ANY($1::uuid[]) AND seen_at IS NULL', [appeared]);
  const vanished = pending.filter(({ vm_uuid, seen }) => seen && !(vm_uuid in vms)).map(({ vm_uuid }) => vm_uuid);
  // An older report may be told later, by another head: give the newer one a moment.
  if (vanished.length > 0) await db.query("DELETE FROM placement_reservations WHERE vm_uuid = ANY($1::uuid[]) AND seen_at < now() - interval '5 seconds'", [vanished]);
}

function reservationOf({ vm_uuid, server_uuid, owner_uuid, ram, disk, cpu }: Row): Reservation {
  return { vmUuid: vm_uuid, serverUuid: server_uuid, owner: owner_uuid ?? undefined, ram, disk, cpu };
}
