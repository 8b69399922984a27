/** What an update cannot do to an instance that runs, said to whoever asked for it (reference §8, complaint 10). */
import { lockableBytes } from '../brands/write-zone-config.ts';
import type { Change, VmRecord } from '../payload/index.ts';
import { isMachine } from './context.ts';

/** Properties that change at the next boot. */
export function pendingChanges(before: VmRecord, after: VmRecord, changes: readonly Change[]): string[] {
  return changes.filter((change) => waits(change, before, after)).map(({ property }) => property);
}

/** A password can be changed while the machine runs, but not whether it has one. */
export function isLivePassword(before: VmRecord, after: VmRecord): boolean {
  return isMachine(after) && before.vnc_password !== after.vnc_password && Boolean(before.vnc_password) && Boolean(after.vnc_password);
}

/** What an existing guest does not come to know, neither now nor when it boots. */
export function unheardWarnings(after: VmRecord, changes: readonly Change[]): string[] {
  if (isMachine(after) || after.maintain_resolvers) return [];
  return changes
    .filter(({ property }) => GUEST_ONLY.includes(property))
    .map(({ property }) => `${property}: the guest keeps the /etc/resolv.conf that it has; set maintain_resolvers to have it written`);
}

const GUEST_ONLY = ['resolvers', 'dns_domain'];
const MEMORY = ['max_physical_memory', 'max_swap'] as const;

function waits({ property, applies }: Change, before: VmRecord, after: VmRecord): boolean {
  if (GUEST_ONLY.includes(property)) return false;
  if (property === 'vnc_password') return !isLivePassword(before, after);
  if (property === 'max_locked_memory') return !isMachine(after) && lockableBytes() !== undefined;
  const memory = MEMORY.find((name) => name === property);
  if (memory !== undefined && isMachine(after)) return after[memory] < before[memory];
  return applies === 'reboot';
}
