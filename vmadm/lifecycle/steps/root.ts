import { chmod, chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { imageUuid, type Dataset } from '../../../host/config/units.ts';
import { writeFileBeneath } from '../../../host/files/beneath.ts';
import type { StepContext, StepKind } from '../../../host/journal/plan.ts';
import { cloneDataset, destroyDataset, getProperties } from '../../../host/zfs/zfs.ts';
import { ensureOriginFor, findImage, withOriginFor } from '../../../imgadm/index.ts';
import { zonePath } from '../../brands/zone-config.ts';
import { vmErrors } from '../../errors.ts';
import { rangeOf, recordOf, rootDataset, type VmContext } from '../context.ts';
import { guestFiles } from '../guest-files.ts';

/** The user property that says which operation made a dataset, so that undoing one never touches what another made. */
export const OPERATION = 'zonewright:op';
/** The user property that says whose a dataset is. */
export const INSTANCE = 'zonewright:vm';

type OriginArgs = { readonly image: string; readonly key: string };

/** Make ready what the instance is cloned from: the image itself, or its copy with the owner's ids. */
export const prepareOrigin: StepKind<VmContext, OriginArgs> = {
  describe: ({ image }) => `prepare image ${image}`,
  isDone: async () => false,
  async perform(args, context) {
    const { image, ids } = await originOf(args, context);
    await ensureOriginFor(context.on.node, image, ids.first, context.report);
  },
  // A shifted clone of an image is of use to the owner's next instance; nothing of this one is in it.
  undo: async () => undefined,
};

type CloneArgs = { readonly uuid: string; readonly image: string; readonly key: string; readonly properties: Readonly<Record<string, string>> };

/** Clone the instance's root, with every property in the one command. */
export const clone: StepKind<VmContext, CloneArgs> = {
  describe: ({ image, uuid }) => `clone image ${image} as ${uuid}`,
  // A creation is never resumed, so there is nothing to ask about: another's dataset of that name fails the clone.
  isDone: async () => false,
  async perform(args, context) {
    const { node } = context.on;
    const { image, ids } = await originOf(args, context);
    const properties = { ...args.properties, [OPERATION]: context.operation, [INSTANCE]: args.uuid };
    await withOriginFor(node, image, { firstId: ids.first, report: context.report }, (origin) => cloneDataset(origin.dataset, origin.snapshot, rootDataset(node, args.uuid), properties));
  },
  undo: ({ uuid }, { on, operation }) => destroyMadeBy(operation, rootDataset(on.node, uuid)),
};

type PrepareArgs = { readonly uuid: string; readonly key: string };

/** Close the root to everyone but the zone and write what the guest finds at its first boot. */
export const prepare: StepKind<VmContext, PrepareArgs> = {
  describe: () => 'write hostname, hosts and resolvers',
  isDone: async () => false,
  async perform({ uuid, key }, { on }) {
    const record = await recordOf(on.node, uuid);
    const path = zonePath(on.node, record);
    const { first } = await rangeOf(on.node, key);
    const onDisk = on.node.idmappedMounts ? 0 : first;
    await chown(path, 0, first);
    await chmod(path, 0o710);
    await mkdir(join(path, 'config'), { mode: 0o700, recursive: true });
    for (const file of guestFiles(record)) {
      await writeFileBeneath(join(path, 'root'), file.path, file.content, { uid: onDisk, gid: onDisk, mode: 0o644 });
    }
  },
  undo: async () => undefined,
};

type DestroyArgs = { readonly uuid: string };

/** Destroy the instance's datasets, waiting for the last user of its root. */
export const destroy: StepKind<VmContext, DestroyArgs> = {
  describe: ({ uuid }) => `destroy dataset ${uuid}`,
  // Asked in `perform`, together with whose it is: every question is a process.
  isDone: async () => false,
  async perform({ uuid }, { on }) {
    const name = rootDataset(on.node, uuid);
    const properties = await getProperties(name, INSTANCE, 'mountpoint');
    if (!properties) return;
    if (properties[INSTANCE] !== uuid) throw vmErrors.NotOurDataset({ dataset: name, uuid });
    const { mountpoint } = properties;
    await destroyDataset(name, { recursive: true, ...(mountpoint.startsWith('/') && { mountedAt: mountpoint }) });
  },
  undo: async () => undefined,
};

async function originOf(args: OriginArgs, { on }: StepContext<VmContext>) {
  const image = await findImage(on.node, imageUuid(args.image));
  if (!image) throw vmErrors.ImageGone({ image: args.image });
  return { image, ids: await rangeOf(on.node, args.key) };
}

/** Destroy a dataset when this operation made it; one of the same name that another made, or none, is left as it is. */
export async function destroyMadeBy(operation: string, name: Dataset): Promise<void> {
  if ((await operationThatMade(name)) === operation) await destroyDataset(name, { recursive: true });
}

async function operationThatMade(name: Dataset): Promise<string | undefined> {
  return (await getProperties(name, OPERATION))?.[OPERATION];
}
