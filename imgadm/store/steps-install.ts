/** Steps that make an image. All of them work below the name `<uuid>-partial` until the last but one gives it its own. */
import { lstat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import { dataset, type Dataset } from '../../host/config/units.ts';
import type { StepContext, StepKind } from '../../host/journal/plan.ts';
import { claimRange } from '../../host/idmap/ranges.ts';
import { createDataset, getProperties, listSnapshots, receiveDataset, renameDataset, renameSnapshot, snapshotDataset } from '../../host/zfs/zfs.ts';
import { featuresOf } from '../../host/zfs/features.ts';
import { volumeSize } from '../../host/zfs/volume.ts';
import { imgadmErrors } from '../errors.ts';
import type { ImageManifest } from '../manifest/manifest.ts';
import type { ImageContext } from './context.ts';
import { interruptible } from './interruptible.ts';
import { whileMounted } from './mount.ts';
import { FINAL, IMAGE_PROPERTY, imageDataset, OPERATION_PROPERTY, partialDataset } from './names.ts';
import { readRecord, removeRecord, writeRecord } from './record.ts';
import { destroyUnmounted } from './shifted.ts';
import { hasFailedForSpace } from './space.ts';

type Context = StepContext<ImageContext>;

/** The range that unpacking and decompressing runs in; no zone ever has it. */
const UNPACK_RANGE = 'imgadm:unpack';

/** The id that jailed programs of this node run as. */
export async function unpackId(context: ImageContext): Promise<number> {
  return (await claimRange(context.node, UNPACK_RANGE)).first;
}

export interface CreateArgs {
  readonly uuid: string;
  /** Bytes that the image may take at most. */
  readonly quota: number;
  readonly [key: string]: string | number;
}

/** An empty dataset to unpack into. */
export const createStep: StepKind<ImageContext, CreateArgs> = {
  describe: ({ uuid }) => `create the dataset of image ${uuid}`,
  isDone: async ({ uuid }, { on, operation }) => (await operationOf(partialDataset(on.node, uuid))) === operation,
  async perform({ uuid, quota }, { on, operation }) {
    const partial = partialDataset(on.node, uuid);
    // The lock is ours: whatever has this name is what somebody's crash left.
    await destroyUnmounted(on.node, partial);
    await createDataset(partial, { canmount: 'noauto', quota: String(quota), [IMAGE_PROPERTY]: 'true', [OPERATION_PROPERTY]: operation });
  },
  undo: ({ uuid }, context) => destroyPartial(uuid, context),
};

export interface UnpackArgs {
  readonly uuid: string;
  readonly maxBytes: number;
  readonly maxEntries: number;
  readonly fileSize: number;
  readonly [key: string]: string | number;
}

/** A root file system out of an archive. */
export const unpackStep: StepKind<ImageContext, UnpackArgs> = {
  describe: () => 'unpack the image file',
  isDone: async () => false,
  async perform({ uuid, maxBytes, maxEntries, fileSize }, context) {
    const { unpackArchive } = await import('../unpack/unpack-archive.ts');
    const { node } = context.on;
    const limits = { maxBytes, maxEntries, fileSize };
    const jailId = await unpackId(context.on);
    const notes = await interruptible('unpack the image file', (signal) =>
      whileMounted(node, partialDataset(node, uuid), (directory) =>
        unpackArchive({ file: imageFileOf(context), root: join(directory, 'root'), jailId, limits, zpool: node.pool, signal }),
      ),
    );
    for (const note of notes) context.on.onNote?.(note);
  },
  undo: async () => undefined,
};

export interface ReceiveArgs {
  readonly uuid: string;
  readonly quota: number;
  readonly volume: boolean;
  /** MiB that the volume must have, when its manifest says so. */
  readonly size?: number;
  readonly origin?: string;
  readonly [key: string]: string | number | boolean | undefined;
}

/** A dataset out of a ZFS stream. */
export const receiveStep: StepKind<ImageContext, ReceiveArgs> = {
  describe: () => 'receive the image file',
  isDone: async () => false,
  async perform(args, context) {
    const { node } = context.on;
    const partial = partialDataset(node, args.uuid);
    await destroyUnmounted(node, partial);
    await interruptible('receive the image file', (signal) => receive(partial, args, context, signal));
    await requireOrigin(partial, args, context);
    const [snapshot, ...more] = await listSnapshots(partial);
    if (snapshot === undefined || more.length > 0) throw imgadmErrors.UnexpectedNumberOfSnapshots({ uuid: args.uuid, count: snapshot === undefined ? 0 : more.length + 1 });
    if (snapshot !== FINAL) await renameSnapshot(partial, snapshot, FINAL);
    if (args.volume) await requireSize(node, partial, args.size);
    else await whileMounted(node, partial, (directory) => requireRoot(args.uuid, directory));
  },
  undo: ({ uuid }, context) => destroyPartial(uuid, context),
};

export interface UuidArgs {
  readonly uuid: string;
  readonly [key: string]: string;
}

/** The snapshot that instances will be cloned from. */
export const snapshotStep: StepKind<ImageContext, UuidArgs> = {
  describe: () => 'take the snapshot that instances are cloned from',
  isDone: async ({ uuid }, { on }) => (await getProperties(`${partialDataset(on.node, uuid)}@${FINAL}`, 'name')) !== undefined,
  perform: ({ uuid }, { on }) => snapshotDataset(partialDataset(on.node, uuid), FINAL),
  undo: async () => undefined,
};

/** From here on it is an image. */
export const adoptStep: StepKind<ImageContext, UuidArgs> = {
  describe: ({ uuid }) => `give image ${uuid} its name`,
  isDone: async ({ uuid }, { on, operation }) => (await operationOf(imageDataset(on.node, uuid))) === operation,
  perform: ({ uuid }, { on }) => renameDataset(partialDataset(on.node, uuid), imageDataset(on.node, uuid)),
  async undo({ uuid }, { on, operation }) {
    const image = imageDataset(on.node, uuid);
    if ((await operationOf(image)) === operation) await destroyUnmounted(on.node, image);
  },
};

export interface RecordArgs {
  readonly uuid: string;
  /** As in the file: nothing of it is secret. */
  readonly manifest: string;
  readonly source?: string;
  readonly [key: string]: string | undefined;
}

/** What the image is, for those who ask. */
export const recordStep: StepKind<ImageContext, RecordArgs> = {
  describe: () => 'keep the manifest',
  isDone: async () => false,
  async perform({ uuid, manifest, source }, { on }) {
    const stated = JSON.parse(manifest) as ImageManifest;
    // How large the volume of a stream is shows only once it has been received.
    const unknown = stated.type === 'zvol' && stated.image_size === undefined;
    const image_size = unknown ? await volumeSize(on.node, imageDataset(on.node, uuid)) : stated.image_size;
    await writeRecord(on.node, { manifest: { ...stated, ...(image_size === undefined ? {} : { image_size }) }, zpool: on.node.pool, ...(source === undefined ? {} : { source }) });
  },
  async undo({ uuid }, { on, operation }) {
    const owner = await operationOf(imageDataset(on.node, uuid));
    const foreign = owner !== undefined && owner !== operation;
    if (!foreign && (await readRecord(on.node, uuid).catch(() => true))) await removeRecord(on.node, uuid);
  },
};

async function receive(partial: Dataset, args: ReceiveArgs, context: Context, signal: AbortSignal): Promise<void> {
  const { openContent } = await import('../unpack/content.ts');
  const { node } = context.on;
  const stop = new AbortController();
  // It may have been interrupted already, and then no event comes any more.
  signal.throwIfAborted();
  signal.addEventListener('abort', () => stop.abort(), { once: true });
  const content = await openContent(imageFileOf(context), await unpackId(context.on), stop.signal);
  const features = featuresOf(node.zfs.implementation, node.zfs.version);
  const properties = { ...(args.volume ? {} : pinnedProperties(args)), [IMAGE_PROPERTY]: 'true', [OPERATION_PROPERTY]: context.operation };
  const receiving = receiveDataset(partial, content.stream, { properties, unmounted: features.receiveUnmounted });
  receiving.catch(() => stop.abort());
  const [received, decompressed] = await Promise.allSettled([receiving, content.finished]);
  if (received.status === 'rejected' && hasFailedForSpace(received.reason)) {
    throw imgadmErrors.InsufficientSpace({ zpool: node.pool, reason: 'it ran full while the image was received' }, { cause: received.reason });
  }
  if (decompressed.status === 'rejected' && !stop.signal.aborted) throw decompressed.reason;
  if (received.status === 'rejected') throw received.reason;
}

/** What a stream may say of these does not count. */
function pinnedProperties(args: ReceiveArgs): Record<string, string> {
  return { canmount: 'noauto', devices: 'off', exec: 'on', setuid: 'on', sharenfs: 'off', sharesmb: 'off', quota: String(args.quota) };
}

async function requireOrigin(partial: Dataset, args: ReceiveArgs, context: Context): Promise<void> {
  const origin = (await getProperties(partial, 'origin'))?.origin ?? '-';
  const expected = args.origin === undefined ? '-' : `${dataset(context.on.node.pool, args.origin)}@${FINAL}`;
  if (origin !== expected) throw imgadmErrors.ImageFileInvalid({ reason: `it stands on ${origin}, its manifest says ${expected}` });
}

async function requireSize(node: Node, partial: Dataset, expected: number | undefined): Promise<void> {
  const actual = await volumeSize(node, partial);
  if (expected !== undefined && actual !== expected) throw (await import('../unpack/write-disk.ts')).sizeMismatch(expected, actual);
}

async function requireRoot(uuid: string, directory: string): Promise<void> {
  const stats = await lstat(join(directory, 'root')).catch(() => undefined);
  if (!stats?.isDirectory()) throw imgadmErrors.ImageUnusable({ uuid, reason: 'its "root" is not a directory' });
}

/** The image file, still open. */
export function imageFileOf(context: Context): FileHandle {
  if (!context.on.imageFile) throw new Error('an image file is needed and none is open');
  return context.on.imageFile;
}

/** Take away what an operation made so far. */
export async function destroyPartial(uuid: string, { on }: Context): Promise<void> {
  await destroyUnmounted(on.node, partialDataset(on.node, uuid));
}

/** The operation that made a dataset; undefined when there is no such dataset. */
export async function operationOf(name: Dataset): Promise<string | undefined> {
  return (await getProperties(name, OPERATION_PROPERTY))?.[OPERATION_PROPERTY];
}
