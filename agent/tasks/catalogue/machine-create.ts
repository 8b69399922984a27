import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { isErrorCode } from '../../../host/errors/errors.ts';
import type { Engine, VmObject } from '../../../vmadm/engine.ts';
import { uuidSchema } from '../../wire/uuid.ts';
import { defineTask, vmResult } from '../definition.ts';
import { taskErrors } from '../errors.ts';
import type { WantedImage } from '../host.ts';

const diskSchema = z.looseObject({ image_uuid: uuidSchema.optional() });

const params = z.looseObject({
  // Decided when the task is taken, so that it is the same one after the agent's death.
  uuid: uuidSchema.default(() => randomUUID()),
  image_uuid: uuidSchema.optional(),
  image: z.looseObject({ uuid: uuidSchema }).optional(),
  disks: z.array(diskSchema).optional(),
  firewall_rules: z.array(z.unknown()).optional(),
});
type Params = z.infer<typeof params>;

/**
 * Create an instance from a vmadm payload, with its image imported first when it is missing (reference/control-plane §1.4).
 * One that a dead agent had begun and finished is complete; of one that it had not finished nothing is left, so it is begun again.
 */
export const machineCreate = defineTask<Params>({
  queue: 'machine_creation',
  params,
  seconds: 3600,
  afterDeath: 'again',
  instance: ({ uuid }) => uuid,
  async run(request, context) {
    const { image: _image, firewall_rules: rules = [], ...payload } = request;
    if (rules.length > 0) throw taskErrors.FirewallUnsupported();
    const engine = await context.engine();
    const present = await findVm(engine, request.uuid);
    if (present && context.isResumed) return { vm: present };
    if (present) throw taskErrors.MachineExists({ uuid: request.uuid });
    context.progress(20);
    for (const image of imagesOf(request)) await context.host.images.ensure(image, context);
    context.progress(50);
    await engine.create(payload);
    return vmResult(engine, request.uuid);
  },
});

/** An instance, undefined when there is none. */
export async function findVm(engine: Engine, uuid: string): Promise<VmObject | undefined> {
  try {
    return await engine.get(uuid);
  } catch (error) {
    if (isErrorCode(error, 'NoSuchVm')) return undefined;
    throw error;
  }
}

/** Every image of the payload, once; a manifest comes with the one that it is for. */
function imagesOf({ image, image_uuid: root, disks = [] }: Params): WantedImage[] {
  const uuids = [root, ...disks.map((disk) => disk.image_uuid), image?.uuid].filter((uuid) => uuid !== undefined);
  return [...new Set(uuids)].map((uuid) => (uuid === image?.uuid ? { uuid, manifest: image } : { uuid }));
}
