import { dataset, type Dataset, type MiB } from '../../../host/config/units.ts';
import type { StepKind } from '../../../host/journal/plan.ts';
import { isMachineRunning } from '../../../host/qemu/process.ts';
import { growVolume, storeVolume } from '../../../host/zfs/volume.ts';
import { holdSnapshot, releaseSnapshot, setProperties } from '../../../host/zfs/zfs.ts';
import { control } from '../../machines/control.ts';
import { machineRuntime } from '../../machines/runtime.ts';
import { rootDataset, type VmContext } from '../context.ts';

type Values = Readonly<Record<string, string>>;
type RootArgs = { readonly uuid: string; readonly before: Values; readonly after: Values };

/** Change properties of the instance's root. */
export const setRoot: StepKind<VmContext, RootArgs> = {
  describe: ({ after }) => `set ${Object.entries(after).map(([name, value]) => `${name}=${value}`).join(', ')} on the root`,
  isDone: async () => false,
  perform: ({ uuid, after }, { on }) => setRootProperties(rootDataset(on.node, uuid), after),
  undo: ({ uuid, before }, { on }) => setRootProperties(rootDataset(on.node, uuid), before),
};

/** What is reserved is let go of first: on a full dataset nothing else could be changed. */
async function setRootProperties(name: Dataset, values: Values): Promise<void> {
  const reserved = Object.keys(values).filter((property) => property === 'reservation' || property === 'refreservation');
  await setProperties(name, { ...Object.fromEntries(reserved.map((property) => [property, 'none'])) });
  await setProperties(name, values);
}

type HoldArgs = { readonly uuid: string; readonly held: boolean };

/** Names that SmartOS has for it (reference §2.8). */
const SNAPSHOT = 'indestructible';
const TAG = 'do_not_destroy';

/** Hold the instance's root in a snapshot that ZFS refuses to destroy, or let go of it. */
export const holdRoot: StepKind<VmContext, HoldArgs> = {
  describe: ({ held }) => (held ? 'make the root indestructible' : 'let the root be destroyed again'),
  isDone: async () => false,
  perform: ({ uuid, held }, { on }) => setHold(rootDataset(on.node, uuid), held),
  undo: ({ uuid, held }, { on }) => setHold(rootDataset(on.node, uuid), !held),
};

type StorageOf = { readonly size: number; readonly refreservation: number; readonly compression?: string };
type StoreArgs = { readonly dataset: string; readonly before: StorageOf; readonly after: StorageOf };

/** Change how a disk is stored. */
export const storeDisk: StepKind<VmContext, StoreArgs> = {
  describe: ({ dataset: name, after }) => `set aside ${after.refreservation} MiB for disk ${name}${after.compression ? `, compression ${after.compression}` : ''}`,
  isDone: async () => false,
  perform: ({ dataset: name, after }, { on }) => storeVolume(on.node, named(name), storage(after)),
  undo: ({ dataset: name, before }, { on }) => storeVolume(on.node, named(name), storage(before)),
};

type ResizeArgs = { readonly uuid: string; readonly dataset: string; readonly index: number; readonly before: number; readonly after: number };

/** Change the size of a disk, and tell the machine when it runs. */
export const resizeDisk: StepKind<VmContext, ResizeArgs> = {
  describe: ({ dataset: name, before, after }) => `resize disk ${name} from ${before} to ${after} MiB`,
  isDone: async () => false,
  perform: ({ after, ...args }, { on }) => resize(on, args, after),
  undo: ({ before, ...args }, { on }) => resize(on, args, before),
};

async function resize({ node }: VmContext, { uuid, dataset: name, index }: Pick<ResizeArgs, 'uuid' | 'dataset' | 'index'>, size: number): Promise<void> {
  await growVolume(node, named(name), size as MiB);
  if (!(await isMachineRunning(machineRuntime(node, uuid)))) return;
  await control(node, uuid, (qmp) => qmp.execute('block_resize', { device: `disk${index}`, size: size * 1024 * 1024 }));
}

function setHold(name: Dataset, held: boolean): Promise<void> {
  return held ? holdSnapshot(name, SNAPSHOT, TAG) : releaseSnapshot(name, SNAPSHOT, TAG);
}

function storage({ size, refreservation, compression }: StorageOf): { size: MiB; refreservation: MiB; compression: string | undefined } {
  return { size: size as MiB, refreservation: refreservation as MiB, compression };
}

function named(name: string): Dataset {
  const [pool = '', ...rest] = name.split('/');
  return dataset(pool, ...rest);
}
