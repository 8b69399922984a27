import type { Step } from '../../host/journal/plan.ts';
import { ownedDisks, type OwnedDisk } from '../machines/disks.ts';
import type { DiskRecord, VmRecord } from '../payload/index.ts';
import { step } from './perform.ts';

/** What an update does to the disks of a machine. */
export interface DiskChanges {
  readonly added: readonly OwnedDisk[];
  /** Devices and images that were there already and are none of ours. */
  readonly addedForeign: readonly DiskRecord[];
  /** Disks that there are before and after, when anything of how they are stored changes; those that shrink are not here. */
  readonly changed: ReadonlyArray<{ readonly before: OwnedDisk; readonly after: OwnedDisk }>;
  /** As disks, the space that the changed ones reserve more than before. */
  readonly reserved: readonly DiskRecord[];
  /** Steps that nobody can take back. */
  readonly destroying: readonly Step[];
  /** The disks of the record until those are performed. */
  readonly beforeDestroying: readonly DiskRecord[];
}

/** Compare the disks of two records of one machine. */
export function diskChanges(before: VmRecord, after: VmRecord): DiskChanges {
  const old = new Map(ownedDisks(before).map((disk) => [disk.dataset, disk]));
  const now = new Map(ownedDisks(after).map((disk) => [disk.dataset, disk]));
  const pairs = [...now.values()].flatMap((disk) => {
    const earlier = old.get(disk.dataset);
    return earlier ? [{ before: earlier, after: disk }] : [];
  });
  const shrunk = pairs.filter((pair) => pair.after.size < pair.before.size);
  const changed = pairs.filter((pair) => pair.after.size >= pair.before.size && isStoredOtherwise(pair));
  const removed = [...old.values()].filter((disk) => !now.has(disk.dataset));
  const knownPaths = new Set((before.disks ?? []).map(({ path }) => path));
  const { uuid } = after;
  return {
    added: [...now.values()].filter((disk) => !old.has(disk.dataset)),
    addedForeign: (after.disks ?? []).filter((disk) => disk.zfs_filesystem === undefined && !knownPaths.has(disk.path)),
    changed,
    reserved: changed.map((pair) => ({ ...pair.after.record, refreservation: Math.max(0, pair.after.refreservation - pair.before.refreservation) })).filter(({ refreservation }) => refreservation > 0),
    destroying: [...shrunk.flatMap((pair) => resizing(uuid, pair)), ...removed.map(({ dataset }) => step('vm.disk.destroy', { uuid, dataset }))],
    beforeDestroying: withDoomed(before, after, [...shrunk.map((pair) => pair.before.record), ...removed.map(({ record }) => record)]),
  };
}

/** The steps that bring a disk from one size and way of storing to another. */
export function resizing(uuid: string, { before, after }: DiskChanges['changed'][number]): Step[] {
  const { dataset, index } = after;
  const [old, now] = [storageOf(before), storageOf(after)];
  return [
    ...(before.size === after.size ? [] : [step('vm.disk.resize', { uuid, dataset, index, before: before.size, after: after.size })]),
    ...(isStoredAlike(old, now) ? [] : [step('vm.disk.store', { dataset, before: old, after: now })]),
  ];
}

/** The disks after an update, but for those that are yet to lose data: they are as before, and in their places. */
function withDoomed(before: VmRecord, after: VmRecord, doomed: readonly DiskRecord[]): DiskRecord[] {
  const now = new Map((after.disks ?? []).map((disk) => [disk.path, disk]));
  const kept = (before.disks ?? []).flatMap((disk) => (doomed.includes(disk) ? [disk] : [now.get(disk.path)].filter((one) => one !== undefined)));
  return [...kept, ...[...now.values()].filter(({ path }) => !kept.some((disk) => disk.path === path))];
}

function isStoredOtherwise(pair: DiskChanges['changed'][number]): boolean {
  return resizing('', pair).length > 0;
}

type Storage = { readonly size: number; readonly refreservation: number; readonly compression?: string };

/** What is set aside for a disk goes by its size as well. */
function isStoredAlike(old: Storage, now: Storage): boolean {
  return old.refreservation === now.refreservation && old.compression === now.compression && (old.size === now.size || now.refreservation === 0);
}

function storageOf({ size, refreservation, record: { compression } }: OwnedDisk): Storage {
  return { size, refreservation, ...(compression === undefined ? {} : { compression }) };
}
