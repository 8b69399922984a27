import { z } from 'zod';
import { uuidSchema } from '../../wire/uuid.ts';
import { defineTask } from '../definition.ts';
import { taskErrors } from '../errors.ts';

const params = z.looseObject({
  image_uuid: uuidSchema,
  image: z.looseObject({ uuid: uuidSchema }).optional(),
  zfs_storage_pool_name: z.string().optional(),
});

/** Make sure that an image is installed (reference/control-plane §1.4). Where it comes from is the node's own business. */
export const imageEnsurePresent = defineTask<z.infer<typeof params>>({
  queue: 'image_import_tasks',
  params,
  seconds: 3600,
  afterDeath: 'again',
  async run({ image_uuid: uuid, image, zfs_storage_pool_name: wanted }, context) {
    const { pool, images } = context.host;
    if (wanted !== undefined && wanted !== pool) throw taskErrors.OtherPool({ pool, wanted: JSON.stringify(wanted.slice(0, 100)) });
    await images.ensure(image?.uuid === uuid ? { uuid, manifest: image } : { uuid }, context);
    return {};
  },
});
