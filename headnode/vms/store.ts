import type { Queries } from '../db/database.ts';
import type { WireObject } from '../services.ts';
import { VM_COLUMNS, type VmRow } from './vm-row.ts';

/**
 * How long a report may have been under way when a task ended: within it, what the task said of a VM counts more than a report
 * that contradicts it, and the node is asked again afterwards.
 */
export const WORD_SECONDS = 5;

export async function readVm(queries: Queries, uuid: string): Promise<VmRow | undefined> {
  const [row] = await queries.query<VmRow>(`SELECT ${VM_COLUMNS} FROM vms WHERE uuid = $1`, [uuid]);
  return row;
}

/** Record a VM that is to be created. @returns false when there is one with this uuid */
export async function insertProvisioning(queries: Queries, uuid: string, vm: WireObject): Promise<boolean> {
  const rows = await queries.query(
    `INSERT INTO vms (uuid, vm, server_uuid, held, detailed) VALUES ($1, $2::jsonb || '{"state": "provisioning", "zone_state": "provisioning"}', ($2::jsonb ->> 'server_uuid')::uuid, 'provisioning', true)
     ON CONFLICT (uuid) DO NOTHING RETURNING uuid`,
    [uuid, JSON.stringify(vm)],
  );
  return rows.length > 0;
}

export async function setJob(queries: Queries, uuid: string, jobUuid: string): Promise<void> {
  await queries.query('UPDATE vms SET job_uuid = $2 WHERE uuid = $1', [uuid, jobUuid]);
}

/** Which server a VM is being created on. */
export async function placeVm(queries: Queries, uuid: string, serverUuid: string): Promise<void> {
  await queries.query(`UPDATE vms SET server_uuid = $2::uuid, vm = vm || jsonb_build_object('server_uuid', $2::uuid), changed_at = now() WHERE uuid = $1 AND held = 'provisioning'`, [uuid, serverUuid]);
}

/** Nics that a VM being created will have, so that its addresses are seen at once. */
export async function showNics(queries: Queries, uuid: string, nics: readonly WireObject[]): Promise<void> {
  await queries.query(`UPDATE vms SET vm = jsonb_set(vm, '{nics}', $2::jsonb), changed_at = now() WHERE uuid = $1 AND held = 'provisioning'`, [uuid, JSON.stringify(nics)]);
}

/** A create came to nothing; nothing of it is left on a node. */
export async function markFailed(queries: Queries, uuid: string, reason: string): Promise<void> {
  await queries.query(
    `UPDATE vms SET held = 'failed', server_uuid = NULL, vm = (vm - 'server_uuid') || '{"state": "failed", "zone_state": "failed", "nics": []}', reason = $2, changed_at = now(), word_at = now()
     WHERE uuid = $1 AND held IS NOT NULL`,
    [uuid, reason],
  );
}

/** A create came to nothing and is being taken back; something of it may still be on its node. */
export async function announceFailure(queries: Queries, uuid: string, reason: string): Promise<void> {
  await queries.query(
    `UPDATE vms SET held = 'failed', vm = vm || '{"state": "failed", "zone_state": "failed"}', reason = $2, changed_at = now() WHERE uuid = $1 AND held = 'provisioning'`,
    [uuid, reason],
  );
}

/** Take over what a node said in a task's result: all of the VM, as it is now. */
export async function takeWord(queries: Queries, serverUuid: string, vm: WireObject & { readonly uuid: string }): Promise<void> {
  await queries.query(
    `INSERT INTO vms (uuid, vm, server_uuid, detailed, word_at) VALUES ($1, $2::jsonb, $3, true, now())
     ON CONFLICT (uuid) DO UPDATE SET vm = excluded.vm, server_uuid = excluded.server_uuid, held = NULL, reason = NULL, detailed = true, word_at = now(), destroyed_at = NULL, changed_at = now()`,
    [vm.uuid, JSON.stringify({ ...vm, server_uuid: serverUuid }), serverUuid],
  );
}

/** A node said that a VM is not, or no more, on it. @param held what the head node itself holds may be given up with it; @returns whether that is news */
export async function markDestroyed(queries: Queries, uuid: string, { held }: { readonly held: boolean }): Promise<boolean> {
  const rows = await queries.query(
    `UPDATE vms SET vm = vm || '{"state": "destroyed", "zone_state": "destroyed"}', held = NULL, destroyed_at = now(), word_at = now(), changed_at = now()
     WHERE uuid = $1 AND state <> 'destroyed' AND ($2 OR held IS NULL) RETURNING uuid`,
    [uuid, held],
  );
  return rows.length > 0;
}

/** Whether an owner has an active VM of this name. Held against others who ask until the transaction ends. */
export async function isAliasTaken(queries: Queries, owner: string, { alias, except }: { readonly alias: string; readonly except?: string | undefined }): Promise<boolean> {
  await queries.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 7310460))', [`${owner} ${alias}`]);
  const rows = await queries.query('SELECT 1 FROM vms WHERE alias = $1 AND owner_uuid = $2 AND active AND uuid IS DISTINCT FROM $3::uuid LIMIT 1', [alias, owner, except]);
  return rows.length > 0;
}
