import type { Node } from '../../host/config/node-config.ts';
import { newOperationId, performPlan } from '../../host/journal/perform.ts';
import { withLock } from '../../host/lock/lock.ts';
import { getProperties } from '../../host/zfs/zfs.ts';
import { imgadmErrors } from '../errors.ts';
import { dependentsOf, hasDependents } from './dependents.ts';
import { isInstalled } from './installed.ts';
import { imageDataset, imageLock } from './names.ts';
import { imagePerformer, type PerformerOptions } from './performer.ts';

/**
 * Delete an installed image with its shifted clones. A deletion that was interrupted is carried to its end.
 * @throws ImageNotInstalled, ImageHasDependentClones
 */
export async function deleteInstalled(node: Node, uuid: string, options: PerformerOptions = {}): Promise<void> {
  await withLock({ scope: node.paths.config, name: imageLock(uuid), action: 'image delete' }, async (lock) => {
    if (!(await isInstalled(node, uuid))) throw imgadmErrors.ImageNotInstalled({ uuid, zpool: node.pool });
    const clones = await dependentsOf(node, uuid);
    if (clones.length > 0) throw hasDependents(uuid, clones);
    const creation = (await getProperties(imageDataset(node, uuid), 'creation'))?.creation ?? '';
    const plan = {
      operation: newOperationId(),
      verb: 'image delete',
      target: uuid,
      afterCrash: 'resume' as const,
      lock: imageLock(uuid),
      steps: [
        { kind: 'image.dropShifted', args: { uuid } },
        { kind: 'image.destroy', args: { uuid, creation } },
        { kind: 'image.forget', args: { uuid } },
      ],
    };
    await performPlan(plan, lock, imagePerformer({ node }, options));
  });
}
