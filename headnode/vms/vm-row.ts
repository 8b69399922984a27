import type { Vm, WireObject } from '../services.ts';

/** A VM as the database holds it. */
export interface VmRow {
  readonly uuid: string;
  /** The object of the wire, `state` included, as it was told last. */
  readonly vm: WireObject;
  readonly server_uuid: string | null;
  readonly state: string;
  readonly held: 'provisioning' | 'failed' | null;
  readonly job_uuid: string | null;
  readonly reason: string | null;
  /** Whether its server is silent now. */
  readonly silent: boolean;
}

/** Whether a VM's server is silent, in SQL. */
export const SILENT_SQL = 'coalesce(vms.server_uuid IN (SELECT server_uuid FROM silent_servers), false)';

/** A VM's state as it is shown, in SQL: that of a VM on a silent server is not known, unless the head node itself decided it. */
export const SHOWN_STATE_SQL = `CASE WHEN vms.held IS NULL AND vms.state <> 'destroyed' AND ${SILENT_SQL} THEN 'unknown' ELSE vms.state END`;

/** What is read of a VM. */
export const VM_COLUMNS = `vms.uuid, vms.vm, vms.server_uuid, vms.state, vms.held, vms.job_uuid, vms.reason, ${SILENT_SQL} AS silent`;

/** VMAPI's object (control-plane §3). */
export function toVm({ uuid, vm, server_uuid, reason, ...row }: VmRow): Vm {
  const state = shownState(row);
  return {
    ...vm,
    uuid,
    ...(server_uuid === null ? {} : { server_uuid }),
    state,
    ...(state === 'unknown' ? { zone_state: 'unknown' } : {}),
    ...(reason === null ? {} : { failure: reason }),
  } as unknown as Vm;
}

/** As SHOWN_STATE_SQL says it. */
export function shownState({ held, state, silent }: Pick<VmRow, 'held' | 'state' | 'silent'>): string {
  return held === null && silent && state !== 'destroyed' ? 'unknown' : state;
}
