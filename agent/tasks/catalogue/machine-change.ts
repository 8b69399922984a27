/** Changing, destroying and reading an instance (reference/control-plane §1.4). */
import { z } from 'zod';
import { isErrorCode } from '../../../host/errors/errors.ts';
import { vmErrors } from '../../../vmadm/errors.ts';
import { defineTask, flagSchema, instanceParams, vmResult } from '../definition.ts';

const TEN_MINUTES = 600;
const loadParams = instanceParams.extend({ include_dni: flagSchema.optional() });
const infoParams = instanceParams.extend({ types: z.array(z.string()).optional() });

/** Change an instance by a vmadm update payload, at once where that is possible. */
export const machineUpdate = defineTask<z.infer<typeof instanceParams>>({
  queue: 'machine_tasks',
  params: instanceParams,
  seconds: TEN_MINUTES,
  afterDeath: 'again',
  instance: ({ uuid }) => uuid,
  async run({ uuid, ...payload }, context) {
    const engine = await context.engine();
    // Recovery takes back what was not complete; what was complete left its time.
    const changed = context.isResumed && Date.parse(String((await engine.get(uuid))['last_modified'])) >= context.acceptedAt.getTime();
    if (!changed) await engine.update(uuid, payload);
    return vmResult(engine, uuid);
  },
});

/** Destroy an instance. One that is not there is destroyed already. */
export const machineDestroy = defineTask<z.infer<typeof loadParams>>({
  queue: 'machine_tasks',
  params: loadParams,
  seconds: TEN_MINUTES,
  afterDeath: 'again',
  instance: ({ uuid }) => uuid,
  async run({ uuid }, context) {
    const engine = await context.engine();
    await engine.delete(uuid).catch((error: unknown) => {
      if (!isErrorCode(error, 'NoSuchVm')) throw error;
    });
    return {};
  },
});

/** An instance as it is, bare. One that is kept out of inventories (`do_not_inventory`) is there only with `include_dni`. */
export const machineLoad = defineTask<z.infer<typeof loadParams>>({
  queue: 'machine_query',
  params: loadParams,
  seconds: 60,
  readsOnly: true,
  afterDeath: 'again',
  async run({ uuid, include_dni: all }, context) {
    const vm = await (await context.engine()).get(uuid);
    if (vm['do_not_inventory'] === true && !all) throw vmErrors.NoSuchVm({ uuid });
    return vm;
  },
});

/** What a machine tells of itself, as `vmadm info`. */
export const machineInfo = defineTask<z.infer<typeof infoParams>>({
  queue: 'machine_query',
  params: infoParams,
  seconds: 60,
  readsOnly: true,
  afterDeath: 'again',
  run: async ({ uuid, types = [] }, context) => (await context.engine()).info(uuid, types),
});
