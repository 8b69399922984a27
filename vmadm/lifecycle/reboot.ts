import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import type { Step } from '../../host/journal/plan.ts';
import { vmErrors } from '../errors.ts';
import { stateOf, viewHost } from '../instance/state.ts';
import type { VmRecord } from '../payload/index.ts';
import { isMachine, recordOf } from './context.ts';
import { perform, planFor, step, withInstance, type Workshop } from './perform.ts';
import { requireNicTags } from './require-nic-tags.ts';

/** Seconds that a guest may take to come up again (reference §3.4). */
const REBOOT_SECONDS = 180;

/** Reboot a running instance through its init, or with `force` by halting and booting it. */
export async function rebootVm(workshop: Workshop, uuid: string, options: { readonly force?: boolean }): Promise<void> {
  await withInstance(workshop, uuid, 'reboot', async (lock) => {
    const record = await recordOf(workshop.node, uuid);
    const { state } = await stateOf(workshop.node, record, await viewHost(workshop.node));
    const mayBeStopped = record.docker === true && state === 'stopped';
    if (state !== 'running' && !mayBeStopped) throw vmErrors.CannotReboot({ state });
    await requireNicTags(workshop.node, record);
    const steps = isMachine(record) ? machineSteps(uuid, options) : await zoneSteps(workshop, record, options.force || mayBeStopped);
    await perform(workshop, planFor(uuid, { verb: 'reboot', afterCrash: 'resume', steps }), lock);
  });
}

/** A zone that reboots by itself keeps the configuration that LXC has: what has changed since needs a new start. */
async function zoneSteps({ node }: Workshop, record: VmRecord, byForce: boolean | undefined): Promise<Step[]> {
  const { uuid } = record;
  const again = (seconds: number): Step[] => [step('vm.zone.shutdown', { uuid, seconds }), step('vm.zone.start', { uuid })];
  if (byForce) return again(0);
  return (await hasChangedSinceStart(node, record)) ? again(REBOOT_SECONDS) : [step('vm.zone.reboot', { uuid, seconds: REBOOT_SECONDS })];
}

async function hasChangedSinceStart(node: Node, record: VmRecord): Promise<boolean> {
  const configured = await stat(join(node.paths.lxc, record.uuid, 'config')).catch(() => undefined);
  return configured === undefined || Date.parse(record.last_modified) > configured.mtimeMs;
}

/** By force a machine's reset button is pressed: its process, pid and boot time stay. */
function machineSteps(uuid: string, { force }: { readonly force?: boolean }): Step[] {
  if (force) return [step('vm.machine.reset', { uuid })];
  return [step('vm.machine.shutdown', { uuid, seconds: REBOOT_SECONDS }), step('vm.machine.start', { uuid })];
}
