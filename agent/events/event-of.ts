import type { IndexChange } from '../index/instance-index.ts';
import { changesBetween } from './changes.ts';
import type { VmEvent } from './vm-event.ts';

/** What readers of events are told of a change: nothing when nothing that they could see is different. */
export function eventOf({ uuid, before, after }: IndexChange): VmEvent[] {
  const base = { date: new Date().toISOString(), zonename: String(after?.['zonename'] ?? before?.['zonename'] ?? uuid), uuid };
  if (!after) return [{ type: 'delete', ...base }];
  if (!before) return [{ type: 'create', ...base, vm: after }];
  const changes = changesBetween(before, after);
  return changes.length === 0 ? [] : [{ type: 'modify', ...base, vm: after, changes }];
}
