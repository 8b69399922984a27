import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { hierarchyOf } from './hierarchies.ts';

/** Limits in SmartOS's terms (reference §2.5). Memory in MiB. */
export interface Limits {
  readonly memory: number;
  /** Memory and swap together. */
  readonly swap: number;
  readonly processes: number;
  /** Percent of one CPU; undefined or 0 is no cap. */
  readonly cpuCap?: number | undefined;
  readonly cpuShares: number;
}

/** A control file and what to write into it, with the hierarchy's version that LXC must be told. */
export interface ControlValue {
  readonly version: 1 | 2;
  readonly file: string;
  readonly value: string;
}

const MEBIBYTE = 1024 * 1024;
const CPU_PERIOD = 100_000;
/** Reclaim starts at this part of the memory limit, so that a zone is slowed before anything in it is killed. */
const MEMORY_HIGH = 0.95;

/** The values of control files that make the kernel enforce limits, for whichever hierarchy has each controller. */
export function controlValues(limits: Limits): ControlValue[] {
  return [...memoryValues(limits), ...processValues(limits), ...cpuValues(limits)];
}

/** The same for a group that may have had a cap before: none is a value too. */
export function replacingControlValues(limits: Limits): ControlValue[] {
  return limits.cpuCap ? controlValues(limits) : [...controlValues(limits), ...uncapped()];
}

function uncapped(): ControlValue[] {
  const version = hierarchyOf('cpu')?.version;
  if (version === undefined) return [];
  return [version === 2 ? { version, file: 'cpu.max', value: `max ${CPU_PERIOD}` } : { version, file: 'cpu.cfs_quota_us', value: '-1' }];
}

function memoryValues({ memory, swap }: Limits): ControlValue[] {
  const bytes = memory * MEBIBYTE;
  const hierarchy = hierarchyOf('memory');
  if (hierarchy?.version === 1) {
    const limit = { version: 1 as const, file: 'memory.limit_in_bytes', value: String(bytes) };
    // Only a kernel with swap accounting has this file; without swap there is nothing to limit.
    const counted = existsSync(join(hierarchy.directory, 'memory.memsw.limit_in_bytes'));
    return counted ? [limit, { version: 1, file: 'memory.memsw.limit_in_bytes', value: String(swap * MEBIBYTE) }] : [limit];
  }
  if (!hierarchy) return [];
  return [
    { version: 2, file: 'memory.max', value: String(bytes) },
    { version: 2, file: 'memory.high', value: String(Math.floor(bytes * MEMORY_HIGH)) },
    { version: 2, file: 'memory.swap.max', value: String(Math.max(0, swap - memory) * MEBIBYTE) },
  ];
}

function processValues({ processes }: Limits): ControlValue[] {
  const version = hierarchyOf('pids')?.version;
  return version === undefined ? [] : [{ version, file: 'pids.max', value: String(processes) }];
}

function cpuValues({ cpuCap, cpuShares }: Limits): ControlValue[] {
  const version = hierarchyOf('cpu')?.version;
  if (version === undefined) return [];
  const quota = cpuCap ? cpuCap * (CPU_PERIOD / 100) : undefined;
  if (version === 2) {
    const weight = { version, file: 'cpu.weight', value: String(clamp(cpuShares, 1, 10_000)) };
    return quota === undefined ? [weight] : [weight, { version, file: 'cpu.max', value: `${quota} ${CPU_PERIOD}` }];
  }
  // The default of v1 is 1024 where SmartOS's and v2's is 100.
  const shares = { version, file: 'cpu.shares', value: String(clamp(Math.round((cpuShares * 1024) / 100), 2, 262_144)) };
  return quota === undefined ? [shares] : [shares, { version, file: 'cpu.cfs_quota_us', value: String(quota) }];
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
