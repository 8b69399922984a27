import { sweepTemporaries } from '../files/atomic.ts';
import { tryLock, type Lock } from '../lock/lock.ts';
import { withinOperation } from '../run/operation.ts';
import { listJournals, readJournal, reopenJournal } from './journal-file.ts';
import { close, operationOf, performJournalled, undoSteps, type Performer } from './perform.ts';
import type { Plan } from './plan.ts';

/** How one interrupted operation was finished. */
export interface Recovered {
  readonly operation: string;
  readonly verb: string;
  readonly target: string;
  readonly outcome: 'resumed' | 'undone' | 'was complete' | 'failed';
  readonly error?: unknown;
}

/**
 * Finish every operation whose process is gone: undo it or carry it to its end, as its plan says. An operation whose
 * lock is held is still being performed and is left alone. Each one reports its own result; one that fails keeps its
 * journal and is tried again the next time.
 *
 * @param scope the lock scope that plans of this journal use.
 * @param concerns which plans are the caller's to finish; the others are left alone. All, unless given.
 */
export async function recoverOperations<Context>(
  scope: string,
  performer: Performer<Context>,
  concerns: (plan: Plan) => boolean = () => true,
): Promise<Recovered[]> {
  const results: Recovered[] = [];
  await sweepTemporaries(performer.journalDirectory);
  for (const operation of await listJournals(performer.journalDirectory)) {
    const recovered = await recoverOperation(operation, scope, performer, concerns);
    if (recovered) results.push(recovered);
  }
  return results;
}

async function recoverOperation<Context>(
  operation: string,
  scope: string,
  performer: Performer<Context>,
  concerns: (plan: Plan) => boolean,
): Promise<Recovered | undefined> {
  const before = await readJournal(performer.journalDirectory, operation);
  if (!before || !concerns(before.plan)) return undefined;
  const lock = await tryLock({ scope, name: before.plan.lock });
  if (!lock) return undefined;
  try {
    // Its own process may have finished it between our look and our lock.
    const journal = await readJournal(performer.journalDirectory, operation);
    return journal && (await finish(journal.plan, journal.committed, lock, performer));
  } finally {
    await lock.release();
  }
}

async function finish<Context>(plan: Plan, committed: boolean, lock: Lock, performer: Performer<Context>): Promise<Recovered> {
  const { operation, verb, target } = plan;
  const journal = await reopenJournal(performer.journalDirectory, operation);
  try {
    return await withinOperation(operationOf(plan, lock, performer), async () => {
      if (committed) {
        await close(plan, journal, performer, { outcome: 'done', steps: [] });
        return { operation, verb, target, outcome: 'was complete' };
      }
      if (plan.afterCrash === 'undo') {
        await undoSteps(plan, journal, performer);
        await close(plan, journal, performer, { outcome: 'undone after a crash', steps: [] });
        return { operation, verb, target, outcome: 'undone' };
      }
      await performJournalled(plan, journal, performer);
      return { operation, verb, target, outcome: 'resumed' };
    });
  } catch (error) {
    return { operation, verb, target, outcome: 'failed', error };
  }
}
