import type { VmObject } from '../../vmadm/engine.ts';

/** How many instances there are of each brand in each state. */
export function countByState(vms: readonly VmObject[]): Iterable<{ brand: string; state: string; count: number }> {
  const counts = new Map<string, { brand: string; state: string; count: number }>();
  for (const { brand, state } of vms) {
    const key = `${brand} ${state}`;
    const entry = counts.get(key) ?? { brand, state, count: 0 };
    entry.count++;
    counts.set(key, entry);
  }
  return counts.values();
}
