import { isAbsolute } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import type { Already, StartOptions } from '../engine.ts';
import { vmErrors } from '../errors.ts';
import { stateOf, viewHost } from '../instance/state.ts';
import { requireForeignDisks } from '../machines/disks.ts';
import { DISK_MODELS } from '../payload/brands.ts';
import type { DiskRecord, VmRecord } from '../payload/index.ts';
import { isMachine, recordOf } from './context.ts';
import { perform, planFor, step, withInstance, type Workshop } from './perform.ts';

/** Boot a stopped instance; it will boot with the node from now on. Reference §1.2, §3.2. */
export function startVm(workshop: Workshop, uuid: string, options: StartOptions = {}): Promise<Already> {
  return withInstance(workshop, uuid, 'start', async (lock) => {
    const record = await recordOf(workshop.node, uuid);
    const { state } = await stateOf(workshop.node, record, await viewHost(workshop.node));
    if (state === 'running') return 'already';
    if (state !== 'stopped') throw vmErrors.CannotStart({ state });
    if (isMachine(record)) await requireExtraDisks(workshop.node, record, options.extra ?? []);
    const boot = isMachine(record) ? step('vm.machine.start', { uuid, order: options.order, extra: options.extra?.map((disk) => ({ ...disk })) }) : step('vm.zone.start', { uuid });
    const steps = [boot, step('vm.autoboot.set', { uuid, autoboot: true })];
    await perform(workshop, planFor(uuid, { verb: 'start', afterCrash: 'resume', steps }), lock);
    return 'done';
  });
}

/** What a start brings besides is held to the rules of disks in a payload. @throws DiskGone, DiskOfAnother, DiskModelInvalid */
async function requireExtraDisks(node: Node, record: VmRecord, extra: NonNullable<StartOptions['extra']>): Promise<void> {
  const brand = record.brand as keyof typeof DISK_MODELS;
  const models: readonly string[] = DISK_MODELS[brand];
  for (const { path, model } of extra) {
    if (!isAbsolute(path)) throw vmErrors.DiskGone({ path });
    if (model !== 'ide' && !models.includes(model)) throw vmErrors.DiskModelInvalid({ model, brand, models: models.join(', ') });
  }
  await requireForeignDisks(node, { ...record, disks: extra as readonly DiskRecord[] });
}
