import { sweepTemporaries } from '../../host/files/atomic.ts';
import { readJournal } from '../../host/journal/journal-file.ts';
import { recoverOperations, type Recovered } from '../../host/journal/recover.ts';
import { tryLock } from '../../host/lock/lock.ts';
import { listStagedRecords, removeStagedRecord } from '../store/records.ts';
import { lockName, type Workshop } from './perform.ts';

/** Finish what earlier processes left undone, and take away what they staged and never began. */
export async function recover(workshop: Workshop): Promise<Recovered[]> {
  const { node, performer } = workshop;
  const recovered = await recoverOperations(node.paths.config, performer);
  await sweepTemporaries(node.paths.instances);
  for (const { uuid, operation } of await listStagedRecords(node)) {
    const lock = await tryLock({ scope: node.paths.config, name: lockName(uuid) });
    if (!lock) continue;
    const begun = (await readJournal(node.paths.journal, operation)) !== undefined;
    if (!begun) await removeStagedRecord(node, uuid, operation);
    await lock.release();
  }
  return recovered;
}
