import type { Check, Diagnosis } from './check.ts';
import { CGROUP_CHECKS } from './checks/cgroup.ts';
import { ISOLATION_CHECKS } from './checks/isolation.ts';
import { MACHINE_CHECKS } from './checks/machines.ts';
import { MEMORY_ROOT_CHECKS } from './checks/memory-root.ts';
import { NETWORK_CHECKS } from './checks/network.ts';
import { STORAGE_CHECKS } from './checks/storage.ts';
import { SYSTEM_CHECKS } from './checks/system.ts';

export const CHECKS: readonly Check[] = [...SYSTEM_CHECKS, ...MEMORY_ROOT_CHECKS, ...STORAGE_CHECKS, ...CGROUP_CHECKS, ...ISOLATION_CHECKS, ...NETWORK_CHECKS, ...MACHINE_CHECKS];

/** Probe everything. A probe that fails in a way nobody foresaw is a gap too, never the end of the report. */
export function diagnose(): Promise<Diagnosis[]> {
  return Promise.all(
    CHECKS.map(async ({ name, needed = false, probe }) => {
      try {
        return { name, needed, ...(await probe()) };
      } catch (error) {
        return { name, needed, state: 'missing' as const, fact: `cannot tell: ${error instanceof Error ? error.message : String(error)}`, remedy: 'Run `zonewright doctor` as root.' };
      }
    }),
  );
}

/** Whether nothing that zones need is missing. */
export function zonesCanRun(diagnoses: readonly Diagnosis[]): boolean {
  return diagnoses.every(({ needed, state }) => !needed || state !== 'missing');
}
