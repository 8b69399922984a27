import { chown } from 'node:fs/promises';
import { dataset, imageUuid, type Dataset, type MiB } from '../../../host/config/units.ts';
import type { StepKind } from '../../../host/journal/plan.ts';
import { cloneVolume, createVolume, volumePlace } from '../../../host/zfs/volume.ts';
import { destroyDataset, getProperties } from '../../../host/zfs/zfs.ts';
import { findImage } from '../../../imgadm/index.ts';
import { vmErrors } from '../../errors.ts';
import { rangeOf, type VmContext } from '../context.ts';
import { destroyMadeBy, INSTANCE, OPERATION } from './root.ts';

type DiskArgs = {
  readonly uuid: string;
  readonly key: string;
  readonly dataset: string;
  readonly size: number;
  readonly refreservation: number;
  readonly image?: string;
  readonly blockSize?: number;
  readonly compression?: string;
};

/** Make a disk: a clone of its image, or blank. It belongs to the machine's own uid. */
export const createDisk: StepKind<VmContext, DiskArgs> = {
  describe: ({ dataset: name, size, image }) => (image === undefined ? `make blank disk ${name} of ${size} MiB` : `clone image ${image} as disk ${name} of ${size} MiB`),
  isDone: async () => false,
  async perform(args, { on, operation }) {
    const name = diskDataset(args.dataset);
    const options = {
      size: args.size as MiB,
      refreservation: args.refreservation as MiB,
      blockSize: args.blockSize,
      compression: args.compression,
      properties: { [OPERATION]: operation, [INSTANCE]: args.uuid },
    };
    if (args.image === undefined) await createVolume(on.node, name, options);
    else await cloneVolume(on.node, await imageDataset(on, args.image), 'final', name, options);
    const place = volumePlace(on.node, name);
    const { first } = await rangeOf(on.node, args.key);
    await chown(place.path, first, first);
  },
  undo: ({ dataset: name }, { operation }) => destroyMadeBy(operation, diskDataset(name)),
};

type DestroyArgs = { readonly uuid: string; readonly dataset: string };

/** Destroy a disk that was made for this machine, and no other. */
export const destroyDisk: StepKind<VmContext, DestroyArgs> = {
  describe: ({ dataset: name }) => `destroy disk ${name}`,
  isDone: async ({ dataset: name }) => (await getProperties(diskDataset(name), 'name')) === undefined,
  async perform({ uuid, dataset: name }) {
    const made = await getProperties(diskDataset(name), INSTANCE);
    if (made && made[INSTANCE] !== uuid) throw vmErrors.NotOurDataset({ dataset: name, uuid });
    await destroyDataset(diskDataset(name), { recursive: true });
  },
  undo: async () => undefined,
};

function diskDataset(name: string): Dataset {
  const [pool = '', ...rest] = name.split('/');
  return dataset(pool, ...rest);
}

async function imageDataset({ node }: VmContext, image: string): Promise<Dataset> {
  const found = await findImage(node, imageUuid(image));
  if (!found) throw vmErrors.ImageGone({ image });
  return found.dataset;
}
