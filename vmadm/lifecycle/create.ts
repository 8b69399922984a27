import type { Node } from '../../host/config/node-config.ts';
import { vmUuid, type VmUuid } from '../../host/config/units.ts';
import { newOperationId } from '../../host/journal/perform.ts';
import type { Plan, Step } from '../../host/journal/plan.ts';
import { takeLock, withLock, type Lock } from '../../host/lock/lock.ts';
import { bridgesFor } from '../brands/write-zone-config.ts';
import type { Payload } from '../engine.ts';
import { preparePayload, type VmRecord } from '../payload/index.ts';
import { recordsInUse, stageRecord } from '../store/records.ts';
import { ownedDisks, requireForeignDisks } from '../machines/disks.ts';
import { requireKnownOptions } from '../machines/start-spec.ts';
import { isMachine, rangeKey } from './context.ts';
import { diskCreation } from './disk-creation.ts';
import { payloadFacts } from './payload-facts.ts';
import { availableSpace, requireFlexibleSpace, requireSpace } from './require-space.ts';
import { rootProperties } from './root-properties.ts';
import { lockName, perform, planFor, step, type Workshop } from './perform.ts';

/**
 * Create an instance and, unless `autoboot` is false, boot it. Reference §2, §3.2.
 * A failure or a crash anywhere leaves nothing of it.
 */
export async function createVm(workshop: Workshop, payload: Payload): Promise<VmUuid> {
  const { record, operation, lock } = await admit(workshop, payload);
  try {
    await perform(workshop, planCreation(workshop, record, operation), lock);
  } finally {
    await lock.release();
  }
  return vmUuid(record.uuid);
}

/** What `createVm` would do with this payload; nothing is changed. */
export async function planCreate(workshop: Workshop, payload: Payload): Promise<Plan> {
  const record = await recordFor(workshop, payload);
  return planCreation(workshop, record, newOperationId());
}

interface Admitted {
  readonly record: VmRecord;
  readonly operation: string;
  readonly lock: Lock;
}

/**
 * Check a payload against all instances there are or are about to be, and stage its record so that the next create sees
 * it too. One at a time: between check and staging nobody else may take the same uuid, address or port.
 */
function admit(workshop: Workshop, payload: Payload): Promise<Admitted> {
  const { paths } = workshop.node;
  return withLock({ scope: paths.config, name: 'admission', action: 'create' }, async () => {
    // Each asks the pool, by a process of its own.
    const [record, available] = await Promise.all([recordFor(workshop, payload), availableSpace(workshop.node)]);
    requireSpace(workshop.node, record, available);
    const operation = newOperationId();
    const lock = await takeLock({ scope: paths.config, name: lockName(record.uuid), action: 'create' });
    await stageRecord(workshop.node, record, operation);
    return { record, operation, lock };
  });
}

async function recordFor({ node }: Workshop, payload: Payload): Promise<VmRecord> {
  const others = await recordsInUse(node);
  const { record } = await preparePayload(payload, await payloadFacts(node), others);
  requireKnownOptions(record);
  await requireForeignDisks(node, record);
  requireFlexibleSpace(record);
  await bridgesFor(node, record);
  return { ...record, zonedid: 1 + Math.max(0, ...others.map((other) => other.zonedid ?? 0)) };
}

function planCreation({ node }: Workshop, record: VmRecord, operation: string): Plan {
  const { uuid } = record;
  const key = rangeKey(node, record);
  const steps = [
    step('vm.record.publish', { uuid }),
    step('vm.ids.claim', { key }),
    ...(isMachine(record) ? machineSteps(node, record, key) : zoneSteps(node, record, key)),
    ...(record.autoboot ? [step(isMachine(record) ? 'vm.machine.start' : 'vm.zone.start', { uuid })] : []),
  ];
  return planFor(uuid, { operation, verb: 'create', afterCrash: 'undo', steps });
}

function zoneSteps(node: Node, record: VmRecord, key: string): Step[] {
  const { uuid, image_uuid: image } = record;
  if (image === undefined) throw new Error(`instance ${uuid} has no image`);
  return [
    step('vm.origin.prepare', { image, key }),
    step('vm.root.clone', { uuid, image, key, properties: rootProperties(node, record) }),
    step('vm.root.prepare', { uuid, key }),
  ];
}

function machineSteps(node: Node, record: VmRecord, key: string): Step[] {
  const { uuid } = record;
  const disks = ownedDisks(record).map((disk) => diskCreation(uuid, key, disk));
  return [step('vm.machine.root', { uuid, key, properties: rootProperties(node, record) }), ...disks];
}
