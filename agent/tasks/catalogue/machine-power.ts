/** Booting, shutting down and rebooting an instance (reference/control-plane §1.4). */
import { z } from 'zod';
import type { Payload, VmObject } from '../../../vmadm/engine.ts';
import { defineTask, flagSchema, instanceParams, vmResult } from '../definition.ts';
import { taskErrors } from '../errors.ts';

const TEN_MINUTES = 600;
/** A guest may be given an hour. */
const LONGEST_PATIENCE = 3600;

const bootParams = instanceParams.extend({ idempotent: flagSchema.optional(), update: z.record(z.string(), z.unknown()).optional() });
const stopParams = instanceParams.extend({
  idempotent: flagSchema.optional(),
  force: flagSchema.optional(),
  /** Seconds. */
  timeout: z.coerce.number().min(0).max(LONGEST_PATIENCE).optional(),
});
const rebootParams = stopParams.extend({ update: z.record(z.string(), z.unknown()).optional() });

/** Boot an instance, changed by `update` before if given. One that runs already is an error unless `idempotent`. */
export const machineBoot = defineTask<z.infer<typeof bootParams>>({
  queue: 'machine_tasks',
  params: bootParams,
  seconds: TEN_MINUTES,
  afterDeath: 'again',
  instance: ({ uuid }) => uuid,
  async run({ uuid, idempotent, update }, context) {
    const engine = await context.engine();
    if (hasContent(update)) await engine.update(uuid, update);
    const outcome = await engine.start(uuid);
    if (outcome === 'already' && !idempotent && !context.isResumed) throw taskErrors.VmAlreadyRunning({ uuid });
    return vmResult(engine, uuid);
  },
});

/** Shut an instance down. One that does not run is an error unless `idempotent`. */
export const machineShutdown = defineTask<z.infer<typeof stopParams>>({
  queue: 'machine_tasks',
  params: stopParams,
  seconds: LONGEST_PATIENCE + TEN_MINUTES,
  afterDeath: 'again',
  instance: ({ uuid }) => uuid,
  async run({ uuid, idempotent, force, timeout }, context) {
    const engine = await context.engine();
    const { was, outcome } = await engine.stop(uuid, { ...(force && { force }), ...(timeout !== undefined && { timeout }) });
    if (outcome === 'already' && !idempotent && !context.isResumed) throw taskErrors.VmNotRunning({ uuid, state: was });
    return vmResult(engine, uuid);
  },
});

/** Reboot an instance, changed by `update` before if given. With `idempotent` one that does not run is booted. */
export const machineReboot = defineTask<z.infer<typeof rebootParams>>({
  queue: 'machine_tasks',
  params: rebootParams,
  seconds: TEN_MINUTES,
  afterDeath: 'again',
  instance: ({ uuid }) => uuid,
  async run({ uuid, idempotent, force, update }, context) {
    const engine = await context.engine();
    const vm = await engine.get(uuid);
    if (context.isResumed && bootedSince(vm, context.acceptedAt)) return { vm };
    if (hasContent(update)) await engine.update(uuid, update);
    if ((idempotent || context.isResumed) && vm.state === 'stopped') await engine.start(uuid);
    else await engine.reboot(uuid, force ? { force } : {});
    return vmResult(engine, uuid);
  },
});

/** Recovery carries a reboot to its end. Whether it had begun is told by when the instance booted. */
function bootedSince(vm: VmObject, when: Date): boolean {
  const booted = vm['boot_timestamp'];
  return vm.state === 'running' && typeof booted === 'string' && Date.parse(booted) >= when.getTime();
}

function hasContent(update: Payload | undefined): update is Payload {
  return update !== undefined && Object.keys(update).length > 0;
}
