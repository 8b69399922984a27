import { claimRange, findRange, releaseRange } from '../../../host/idmap/ranges.ts';
import type { StepKind } from '../../../host/journal/plan.ts';
import type { VmContext } from '../context.ts';

type IdsArgs = { readonly key: string };

/** A zone's own range goes with the zone; an owner's stays, since files on disk carry its ids. */
function belongsToOneZone(key: string): boolean {
  return key.startsWith('zone:');
}

/** Give a zone or an owner its range of uids. */
export const claim: StepKind<VmContext, IdsArgs> = {
  describe: ({ key }) => `claim a uid range for ${key}`,
  isDone: async ({ key }, { on }) => (await findRange(on.node, key)) !== undefined,
  perform: async ({ key }, { on }) => void (await claimRange(on.node, key)),
  async undo({ key }, { on }) {
    if (belongsToOneZone(key)) await releaseRange(on.node, key);
  },
};

/** Give a zone's range back. */
export const release: StepKind<VmContext, IdsArgs> = {
  describe: ({ key }) => (belongsToOneZone(key) ? `release the uid range of ${key}` : `keep the uid range of ${key}`),
  isDone: async ({ key }, { on }) => !belongsToOneZone(key) || (await findRange(on.node, key)) === undefined,
  perform: ({ key }, { on }) => releaseRange(on.node, key),
  undo: async () => undefined,
};
