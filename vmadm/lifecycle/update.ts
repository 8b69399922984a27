import { isDeepStrictEqual } from 'node:util';
import { newOperationId } from '../../host/journal/perform.ts';
import type { Plan, Step } from '../../host/journal/plan.ts';
import { withLock } from '../../host/lock/lock.ts';
import { bridgesFor } from '../brands/write-zone-config.ts';
import type { Payload, UpdateOutcome } from '../engine.ts';
import { stateOf, viewHost } from '../instance/state.ts';
import { requireForeignDisks } from '../machines/disks.ts';
import { requireKnownOptions } from '../machines/start-spec.ts';
import { applyUpdate, type VmRecord } from '../payload/index.ts';
import { recordsInUse, removeStagedRecord, stageRecord } from '../store/records.ts';
import { rangeKey, recordOf } from './context.ts';
import { diskChanges, type DiskChanges } from './disk-changes.ts';
import { payloadFacts } from './payload-facts.ts';
import { perform, planFor, step, withInstance, type Workshop } from './perform.ts';
import { availableSpace, requireFlexibleSpace, requireSpace, requireSpaceFor } from './require-space.ts';
import { liveSteps } from './live-steps.ts';
import { rootSteps, storageSteps } from './storage-steps.ts';
import { pendingChanges, unheardWarnings } from './pending.ts';

/**
 * Change an instance's properties, at once where that can be done while it runs. Reference §1.2, §2.6.
 * A failure or a crash takes everything back; only what destroys data is carried to its end instead.
 */
export function updateVm(workshop: Workshop, uuid: string, payload: Payload): Promise<UpdateOutcome> {
  return withInstance(workshop, uuid, 'update', async (lock) => {
    const { phases, outcome } = await admit(workshop, uuid, payload);
    for (const { record, plan } of phases) {
      await stageRecord(workshop.node, record, plan.operation);
      await perform(workshop, plan, lock);
      // A failed one keeps what its undoing, now or after a crash, may need; recovery sweeps the rest.
      await removeStagedRecord(workshop.node, uuid, plan.operation);
    }
    return outcome;
  });
}

/** What `updateVm` would do with this payload; nothing is changed. */
export async function planUpdate({ node }: Workshop, uuid: string, payload: Payload): Promise<Plan> {
  const { phases } = await prepare(node, uuid, payload);
  const steps = phases.flatMap(({ plan }) => plan.steps);
  return planFor(uuid, { verb: 'update', afterCrash: 'undo', steps });
}

interface Phase {
  /** The instance's record when the phase is over. */
  readonly record: VmRecord;
  readonly plan: Plan;
}

interface Prepared {
  readonly phases: readonly Phase[];
  readonly outcome: UpdateOutcome;
}

/** Between the check against all other instances and the staging nobody else may take an address or a port. */
function admit({ node }: Workshop, uuid: string, payload: Payload): Promise<Prepared> {
  return withLock({ scope: node.paths.config, name: 'admission', action: 'update' }, async () => {
    const prepared = await prepare(node, uuid, payload);
    const [first] = prepared.phases;
    if (first) await stageRecord(node, first.record, first.plan.operation);
    return prepared;
  });
}

async function prepare(node: Workshop['node'], uuid: string, payload: Payload): Promise<Prepared> {
  const before = await recordOf(node, uuid);
  const live = await stateOf(node, before, await viewHost(node));
  const others = (await recordsInUse(node)).filter((other) => other.uuid !== uuid);
  const { record, changes, warnings } = await applyUpdate(before, payload, { facts: await payloadFacts(node), others, live });
  const after = keepingRange(node, before, record);
  const running = live.zone_state === 'running';
  const disks = diskChanges(before, after);
  await requirePossible(node, { before, after, disks });
  if (changes.some(({ property }) => property === 'nics')) await bridgesFor(node, after);
  return {
    phases: await phasesOf(node, before, after, { disks, running }),
    outcome: { pending: running ? pendingChanges(before, after, changes) : [], warnings: [...warnings, ...unheardWarnings(after, changes)] },
  };
}

/** The files of a zone carry the ids of the owner that it was made for: another owner's zones must not come to share them. */
function keepingRange(node: Workshop['node'], before: VmRecord, after: VmRecord): VmRecord {
  const key = rangeKey(node, before);
  return rangeKey(node, after) === key ? after : { ...after, uid_range: key };
}

/** @throws HypervisorOptionsRefused, DisksBeyondFlexible, DiskGone, DiskOfAnother, NoSpace */
async function requirePossible(node: Workshop['node'], { before, after, disks }: { readonly before: VmRecord; readonly after: VmRecord; readonly disks: DiskChanges }): Promise<void> {
  const { added, addedForeign, reserved } = disks;
  requireKnownOptions(after);
  requireFlexibleSpace(after);
  await requireForeignDisks(node, { ...after, disks: addedForeign });
  if (after.brand === 'bhyve') await requireSpaceFor(node, before, after);
  else if (added.length > 0 || reserved.length > 0) requireSpace(node, { ...after, disks: [...added.map(({ record }) => record), ...reserved] }, await availableSpace(node));
}

interface Surroundings {
  readonly disks: DiskChanges;
  readonly running: boolean;
}

/** What can be taken back goes first; data is destroyed when all of that is done. */
async function phasesOf(node: Workshop['node'], before: VmRecord, after: VmRecord, { disks, running }: Surroundings): Promise<Phase[]> {
  const { uuid } = after;
  const phases: Phase[] = [];
  const kept = disks.destroying.length > 0 ? { ...after, disks: disks.beforeDestroying } : after;
  if (isChanged(before, kept)) {
    const steps = [...storageSteps(node, before, kept, disks), ...(running ? await liveSteps(node, before, kept) : [])];
    phases.push(phaseOf(kept, 'undo', steps));
  }
  if (disks.destroying.length > 0) phases.push(phaseOf(after, 'resume', [...disks.destroying, ...rootSteps(node, kept, after)]));
  return phases;

  function phaseOf(record: VmRecord, afterCrash: Plan['afterCrash'], steps: readonly Step[]): Phase {
    const plan = planFor(uuid, { operation: newOperationId(), verb: 'update', afterCrash, steps: [step('vm.record.replace', { uuid }), ...steps] });
    return { record, plan };
  }
}

function isChanged(before: VmRecord, after: VmRecord): boolean {
  return !isDeepStrictEqual({ ...before, last_modified: '' }, { ...after, last_modified: '' });
}
