/** Steps that make an image of type zvol out of a disk's file. They too work below `<uuid>-partial`. */
import { chown, open } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Node } from '../../host/config/node-config.ts';
import type { Dataset, MiB } from '../../host/config/units.ts';
import type { StepKind } from '../../host/journal/plan.ts';
import { createVolume, hasVolumes, volumePlace } from '../../host/zfs/volume.ts';
import { createDataset, setProperties } from '../../host/zfs/zfs.ts';
import { imgadmErrors } from '../errors.ts';
import type { ImageContext } from './context.ts';
import { interruptible } from './interruptible.ts';
import { whileMounted } from './mount.ts';
import { IMAGE_PROPERTY, OPERATION_PROPERTY, partialDataset, sourceDataset } from './names.ts';
import { destroyUnmounted } from './shifted.ts';
import { hasFailedForSpace } from './space.ts';
import { destroyPartial, imageFileOf, operationOf, unpackId, type CreateArgs, type UuidArgs } from './steps-install.ts';

export interface DiskArgs {
  readonly uuid: string;
  /** MiB */
  readonly size: number;
  readonly [key: string]: string | number;
}

/** A volume of zeros, of the disk's size. */
export const createVolumeStep: StepKind<ImageContext, CreateArgs & { readonly size: number }> = {
  describe: ({ uuid, size }) => `create the volume of image ${uuid}, ${size} MiB`,
  isDone: async ({ uuid }, { on, operation }) => (await operationOf(partialDataset(on.node, uuid))) === operation,
  async perform({ uuid, size, quota }, { on: { node }, operation }) {
    const partial = partialDataset(node, uuid);
    await destroyUnmounted(node, partial);
    await createVolume(node, partial, { size: size as MiB, refreservation: 0 as MiB, properties: { [IMAGE_PROPERTY]: 'true', [OPERATION_PROPERTY]: operation } });
    // It stays mounted until it is filled, and never again.
    if (!hasVolumes(node)) await setProperties(partial, { canmount: 'noauto', quota: String(quota) });
  },
  undo: ({ uuid }, context) => destroyPartial(uuid, context),
};

/** A raw disk, as it comes out of the file. */
export const writeDiskStep: StepKind<ImageContext, DiskArgs> = {
  describe: () => 'write the disk',
  isDone: async () => false,
  async perform({ uuid, size }, context) {
    const { writeDisk } = await import('../unpack/write-disk.ts');
    const { node } = context.on;
    const jailId = await unpackId(context.on);
    await filling(node, 'write the disk', (signal) =>
      withVolume(node, partialDataset(node, uuid), async (path) => {
        const target = await open(path, 'r+');
        try {
          await writeDisk({ file: imageFileOf(context), jailId, signal }, target, size);
          await target.sync();
        } finally {
          await target.close();
        }
      }),
    );
  },
  undo: async () => undefined,
};


/**
 * A copy of the file, decompressed, that belongs to the id that the converter runs as: it must be able to seek in it and
 * to open it by name, which it could not with a file of root's.
 */
export const stageStep: StepKind<ImageContext, CreateArgs> = {
  describe: () => 'copy the image file for its conversion',
  isDone: async () => false,
  async perform({ uuid, quota }, context) {
    const { openContent } = await import('../unpack/content.ts');
    const { on, operation } = context;
    const source = sourceDataset(on.node, uuid);
    const jailId = await unpackId(on);
    await destroyUnmounted(on.node, source);
    await createDataset(source, { canmount: 'noauto', quota: String(quota), [OPERATION_PROPERTY]: operation });
    await filling(on.node, 'copy the image file', (signal) =>
      whileMounted(on.node, source, async (directory) => {
        const copy = await open(join(directory, STAGED), 'wx', 0o400);
        const content = await openContent(imageFileOf(context), jailId, signal);
        // The stream breaks when the decompressor fails, and that knows better why.
        await pipeline(content.stream, copy.createWriteStream()).catch(async (error: unknown) => {
          if (!hasFailedForSpace(error)) await content.finished;
          throw error;
        });
        await content.finished;
        await chown(join(directory, STAGED), jailId, jailId);
      }),
    );
  },
  undo: ({ uuid }, { on }) => destroyUnmounted(on.node, sourceDataset(on.node, uuid)),
};

/** The disk that a qcow2 image holds. */
export const convertStep: StepKind<ImageContext, DiskArgs> = {
  describe: () => 'convert the disk',
  isDone: async () => false,
  async perform({ uuid, size }, { on }) {
    const { convertQcow2 } = await import('../unpack/convert-disk.ts');
    const jailId = await unpackId(on);
    const source = sourceDataset(on.node, uuid);
    await filling(on.node, 'convert the disk', (signal) =>
      whileMounted(on.node, source, (directory) =>
        withVolume(on.node, partialDataset(on.node, uuid), async (target) => {
          await chown(target, jailId, jailId);
          await convertQcow2({ source: join(directory, STAGED), target, size, jailId, signal });
          await chown(target, 0, 0);
          const disk = await open(target, 'r+');
          await disk.sync();
          await disk.close();
        }),
      ),
    );
  },
  undo: async () => undefined,
};

/** The copy has served. */
export const unstageStep: StepKind<ImageContext, UuidArgs> = {
  describe: () => 'remove the copy of the image file',
  isDone: async () => false,
  perform: ({ uuid }, { on }) => destroyUnmounted(on.node, sourceDataset(on.node, uuid)),
  undo: async () => undefined,
};

const STAGED = 'disk.qcow2';

/** Do `work` on what a volume is written through: its device, or its file while its dataset is mounted. */
async function withVolume(node: Node, name: Dataset, work: (path: string) => Promise<void>): Promise<void> {
  const { path, kind } = volumePlace(node, name);
  if (kind === 'device') return work(path);
  return whileMounted(node, name, () => work(path));
}

/** Something long that can be interrupted, and that can fill the pool. @throws OperationInterrupted, InsufficientSpace */
async function filling(node: Node, step: string, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  try {
    await interruptible(step, work);
  } catch (error) {
    if (!hasFailedForSpace(error)) throw error;
    throw imgadmErrors.InsufficientSpace({ zpool: node.pool, reason: 'it ran full while the image was written' }, { cause: error });
  }
}
