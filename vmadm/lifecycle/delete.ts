import { vmErrors } from '../errors.ts';
import { ownedDisks } from '../machines/disks.ts';
import { isMachine, rangeKey, recordOf } from './context.ts';
import { perform, planFor, step, withInstance, type Workshop } from './perform.ts';

/** Stop an instance by force and remove everything of it. After a crash the removal goes on. Reference §1.2, §2.8. */
export async function deleteVm(workshop: Workshop, uuid: string): Promise<void> {
  await withInstance(workshop, uuid, 'delete', async (lock) => {
    const record = await recordOf(workshop.node, uuid);
    if (record.indestructible_zoneroot) throw vmErrors.IndestructibleZoneroot();
    if (record.indestructible_delegated) throw vmErrors.IndestructibleDelegated();
    const steps = [
      step(isMachine(record) ? 'vm.machine.shutdown' : 'vm.zone.shutdown', { uuid, seconds: 0 }),
      ...ownedDisks(record).map(({ dataset }) => step('vm.disk.destroy', { uuid, dataset })),
      step('vm.root.destroy', { uuid }),
      step('vm.record.remove', { uuid }),
      step('vm.ids.release', { key: rangeKey(workshop.node, record) }),
    ];
    await perform(workshop, planFor(uuid, { verb: 'delete', afterCrash: 'resume', steps }), lock);
  });
}
