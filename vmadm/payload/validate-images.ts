/** Rules of a payload that look at installed images (reference §2.4). */
import { isUuid } from '../../host/config/units.ts';
import type { Payload } from '../engine.ts';
import type { ImageFacts, PayloadFacts } from './facts.ts';
import type { Findings } from './findings.ts';

/** The image of the root must be installed. That its type fits the brand is a rule of create alone. */
export async function checkRootImage(payload: Payload, facts: PayloadFacts, findings: Findings): Promise<void> {
  for (const name of ['image_uuid', 'dataset_uuid']) {
    const uuid = payload[name];
    if (isUuid(uuid) && !(await facts.findImage(uuid))) findings.badValue(name, uuid, 'the uuid of an image that is installed');
  }
}

/** The image of a disk, when it is installed and one that a disk can be cloned from. */
export async function diskImage(uuid: unknown, facts: PayloadFacts): Promise<ImageFacts | undefined> {
  if (!isUuid(uuid)) return undefined;
  const image = await facts.findImage(uuid);
  return image?.type === 'zvol' ? image : undefined;
}

/** The firmware that an image needs, when it needs a certain one. */
export function bootromOf(image: ImageFacts | undefined): string | undefined {
  const bootrom = image?.requirements?.['bootrom'];
  return typeof bootrom === 'string' ? bootrom : undefined;
}
