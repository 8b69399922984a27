import type { Limits } from '../../host/cgroup/limits.ts';
import type { VmRecord } from '../payload/index.ts';

/** What the kernel must hold an instance to (reference §2.5). */
export function limitsOf(record: VmRecord): Limits {
  return { memory: record.max_physical_memory, swap: record.max_swap, processes: record.max_lwps, cpuCap: record.cpu_cap, cpuShares: record.cpu_shares };
}
