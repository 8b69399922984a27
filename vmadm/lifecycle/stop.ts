import type { Already, StopOptions } from '../engine.ts';
import { vmErrors } from '../errors.ts';
import { stateOf, viewHost } from '../instance/state.ts';
import type { VmRecord } from '../payload/index.ts';
import { isMachine, recordOf } from './context.ts';
import { perform, planFor, step, withInstance, type Workshop } from './perform.ts';

/** Seconds that a guest may take to shut down (reference §3.4). */
const GUEST_SECONDS = 60;
const DOCKER_SECONDS = 10;
const MACHINE_SECONDS = 180;

/** Shut an instance down; unless the node itself goes down, it will not boot with the node until it is started again. Reference §1.2, §3.4. */
export function stopVm(workshop: Workshop, uuid: string, options: StopOptions): Promise<{ was: string; outcome: Already }> {
  return withInstance(workshop, uuid, 'stop', async (lock) => {
    const record = await recordOf(workshop.node, uuid);
    if (options.timeout !== undefined && !record.docker && !isMachine(record)) throw vmErrors.TimeoutNotSupported();
    const { state } = await stateOf(workshop.node, record, await viewHost(workshop.node));
    if (state !== 'running') return { was: state, outcome: 'already' };
    const seconds = options.force ? 0 : (options.withNode ?? options.timeout ?? patienceWith(record));
    const steps = [
      ...(options.withNode === undefined ? [step('vm.autoboot.set', { uuid, autoboot: false })] : []),
      step(isMachine(record) ? 'vm.machine.shutdown' : 'vm.zone.shutdown', { uuid, seconds }),
    ];
    await perform(workshop, planFor(uuid, { verb: 'stop', afterCrash: 'resume', steps }), lock);
    return { was: state, outcome: 'done' };
  });
}

function patienceWith(record: VmRecord): number {
  if (isMachine(record)) return MACHINE_SECONDS;
  return record.docker ? DOCKER_SECONDS : GUEST_SECONDS;
}
