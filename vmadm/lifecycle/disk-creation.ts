import type { Step } from '../../host/journal/plan.ts';
import type { OwnedDisk } from '../machines/disks.ts';
import { step } from './perform.ts';

/** The step that makes a disk of a machine whose uid range has this key. */
export function diskCreation(uuid: string, key: string, { dataset, size, refreservation, record }: OwnedDisk): Step {
  const { image_uuid: image, block_size: blockSize, compression } = record;
  return step('vm.disk.create', { uuid, key, dataset, size, refreservation, image, blockSize, compression });
}
