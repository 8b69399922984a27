import { readBootPartition, type BootPartition } from './boot-partition.ts';
import { nextBootOf } from './place-on-disks.ts';
import type { PlatformHost } from './platform-host.ts';
import { installedStamps } from './store.ts';
import type { Stamp } from './stamp.ts';
import { readTrial, trialWord, type Trial } from './trial.ts';

export interface PlatformRow {
  readonly stamp: Stamp;
  /** Whether it is in the pool, and on how many of its boot partitions. */
  readonly installed: boolean;
  readonly disks: number;
  readonly now: boolean;
  readonly next: boolean;
  /** `waiting`, `running`, `passed`, `failed`, or `-`. */
  readonly trial: string;
}

export interface PlatformStatus {
  readonly rows: readonly PlatformRow[];
  readonly partitions: readonly BootPartition[];
  readonly trial: Trial | undefined;
}

/** Every image that this node has or runs from, oldest first, and what it boots. */
export async function platformStatus(host: PlatformHost): Promise<PlatformStatus> {
  const [installed, partitions, trial] = await Promise.all([installedStamps(host.node), Promise.all(host.partitions.map(readBootPartition)), readTrial(host.node)]);
  const { saved, next } = nextBootOf(partitions);
  const stamps = new Set([...installed, ...partitions.flatMap((partition) => partition.stamps), ...(host.boot.stamp === undefined ? [] : [host.boot.stamp])]);
  const rows = [...stamps].sort().map((stamp) => ({
    stamp,
    installed: installed.includes(stamp),
    disks: partitions.filter((partition) => partition.stamps.includes(stamp)).length,
    now: stamp === host.boot.stamp,
    next: stamp === (next ?? saved),
    trial: trialWord(trial, stamp),
  }));
  return { rows, partitions, trial };
}
