/** What was done to a machine, from its jobs (control-plane §7.4): a client that waits for a reboot or for metadata looks here. */
import type { Job, WireObject } from '../services.ts';

export interface AuditEntry {
  readonly success: 'yes' | 'no';
  /** When it ended: who waits looks for an entry that is newer than its request. */
  readonly time: string;
  readonly action: string;
  readonly caller: { readonly type: 'signature' | 'operator' };
}

/** An entry for a job that has ended. */
export function toAudit({ name, execution, params, created_at, finished_at, requester }: Job): AuditEntry {
  const byAccount = typeof requester === 'string' && requester.startsWith('account:');
  return {
    success: execution === 'succeeded' ? 'yes' : 'no',
    time: typeof finished_at === 'string' ? finished_at : created_at,
    action: name === 'update' ? updateAction(params) : name,
    caller: { type: byAccount ? 'signature' : 'operator' },
  };
}

/** An update is told as what it changes. */
function updateAction(params: WireObject): string {
  if (typeof params['subtask'] === 'string') return params['subtask'];
  if (params['alias'] !== undefined) return 'rename';
  if (params['billing_id'] !== undefined) return 'resize';
  if (params['indestructible_zoneroot'] !== undefined) return params['indestructible_zoneroot'] === true ? 'enable_deletion_protection' : 'disable_deletion_protection';
  return 'update';
}
