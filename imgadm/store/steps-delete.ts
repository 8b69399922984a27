/** Steps that take an image away. None can be taken back, so an interrupted deletion is carried to its end. */
import { isErrorCode } from '../../host/errors/errors.ts';
import { withLock } from '../../host/lock/lock.ts';
import type { StepKind } from '../../host/journal/plan.ts';
import { datasetExists, getProperties, listChildren } from '../../host/zfs/zfs.ts';
import type { Node } from '../../host/config/node-config.ts';
import type { Dataset } from '../../host/config/units.ts';
import type { ImageContext } from './context.ts';
import { dependentsOf, hasDependents } from './dependents.ts';
import { imageDataset, shiftedLock, shiftedParent } from './names.ts';
import { removeRecord } from './record.ts';
import { destroyUnmounted } from './shifted.ts';
import type { UuidArgs } from './steps-install.ts';

/** The image's shifted clones: caches that nobody needs once the image goes. */
export const dropShiftedStep: StepKind<ImageContext, UuidArgs> = {
  describe: ({ uuid }) => `destroy the shifted clones of image ${uuid}`,
  isDone: async () => false,
  async perform({ uuid }, { on }) {
    for (const name of await shiftedClonesOf(on.node, uuid)) {
      // Whoever makes it right now holds this lock, and will find the image gone when it next looks for it.
      const lock = shiftedLock(on.node, name.slice(name.lastIndexOf('/') + 1));
      await withLock({ ...lock, action: 'image delete', waitSeconds: 600 }, () => destroyUnmounted(on.node, name));
    }
  },
  undo: async () => undefined,
};

export interface DestroyArgs {
  readonly uuid: string;
  /** When the dataset was created, as ZFS counts: one that was made since then is another image. */
  readonly creation: string;
  readonly [key: string]: string;
}

/** The image itself. */
export const destroyStep: StepKind<ImageContext, DestroyArgs> = {
  describe: ({ uuid }) => `destroy the dataset of image ${uuid}`,
  isDone: async ({ uuid, creation }, { on }) => (await getProperties(imageDataset(on.node, uuid), 'creation'))?.creation !== creation,
  async perform({ uuid }, { on }) {
    try {
      await destroyUnmounted(on.node, imageDataset(on.node, uuid));
    } catch (error) {
      // Somebody may have cloned it since it was looked at.
      const clones = isErrorCode(error, 'CommandFailed') ? await dependentsOf(on.node, uuid) : [];
      throw clones.length > 0 ? hasDependents(uuid, clones) : error;
    }
  },
  undo: async () => undefined,
};

/** What was known of it. */
export const forgetStep: StepKind<ImageContext, UuidArgs> = {
  describe: () => 'forget the manifest',
  isDone: async () => false,
  async perform({ uuid }, { on }) {
    if (!(await datasetExists(imageDataset(on.node, uuid)))) await removeRecord(on.node, uuid);
  },
  undo: async () => undefined,
};

async function shiftedClonesOf(node: Node, uuid: string): Promise<Dataset[]> {
  const parent = shiftedParent(node);
  if (!(await datasetExists(parent))) return [];
  const children = await listChildren(parent, 'name');
  return children.map(({ name }) => name as Dataset).filter((name) => name.startsWith(`${parent}/${uuid}-`));
}
