import type { StepKind } from '../../../host/journal/plan.ts';
import { publishRecord, readRecord, readStagedRecord, removeRecord, removeStagedRecord, replaceRecord, restoreRecord, writeRecord } from '../../store/records.ts';
import { recordOf, type VmContext } from '../context.ts';

type RecordArgs = { readonly uuid: string };

/** Make the staged record an instance that everyone sees. */
export const publish: StepKind<VmContext, RecordArgs> = {
  describe: ({ uuid }) => `record instance ${uuid}`,
  isDone: async ({ uuid }, { on, operation }) => (await readStagedRecord(on.node, uuid, operation)) === undefined,
  perform: ({ uuid }, { on, operation }) => publishRecord(on.node, uuid, operation),
  async undo({ uuid }, { on, operation }) {
    // Still staged: whatever is recorded under this uuid is not of this operation.
    if (await readStagedRecord(on.node, uuid, operation)) await removeStagedRecord(on.node, uuid, operation);
    else await removeRecord(on.node, uuid);
  },
};

/** Put the staged record in the place of the instance's own. It is staged because it may hold secrets, which no plan does. */
export const replace: StepKind<VmContext, RecordArgs> = {
  describe: ({ uuid }) => `record the new properties of ${uuid}`,
  isDone: async ({ uuid }, { on, operation }) => (await readStagedRecord(on.node, uuid, operation)) === undefined,
  perform: ({ uuid }, { on, operation }) => replaceRecord(on.node, uuid, operation),
  undo: ({ uuid }, { on, operation }) => restoreRecord(on.node, uuid, operation),
};

/** Forget an instance. */
export const remove: StepKind<VmContext, RecordArgs> = {
  describe: ({ uuid }) => `forget instance ${uuid}`,
  isDone: async ({ uuid }, { on }) => (await readRecord(on.node, uuid)) === undefined,
  perform: ({ uuid }, { on }) => removeRecord(on.node, uuid),
  undo: async () => undefined,
};

type AutobootArgs = { readonly uuid: string; readonly autoboot: boolean };

/** Remember whether the instance boots with the node: `start` and `stop` set it (reference §1.2). */
export const setAutoboot: StepKind<VmContext, AutobootArgs> = {
  describe: ({ autoboot }) => `set autoboot to ${autoboot}`,
  isDone: async ({ uuid, autoboot }, { on }) => (await readRecord(on.node, uuid))?.autoboot === autoboot,
  async perform({ uuid, autoboot }, { on }) {
    const record = await recordOf(on.node, uuid);
    await writeRecord(on.node, { ...record, autoboot, last_modified: new Date().toISOString() });
  },
  undo: async () => undefined,
};
