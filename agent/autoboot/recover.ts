import { setTimeout as sleep } from 'node:timers/promises';
import type { Node } from '../../host/config/node-config.ts';
import { listJournals } from '../../host/journal/journal-file.ts';
import { recoverNode } from '../../vmadm/open-engine.ts';
import type { Log } from '../log.ts';

const TRIES = 30;
const PAUSE_MILLISECONDS = 1000;

/**
 * Undo or finish what an agent before this one had begun. A program that it started may live a little longer and keeps its
 * operation's lock, so what is left is tried again.
 */
export async function recoverAtStart(node: Node, log: Log, signal: AbortSignal): Promise<void> {
  const left = new Set(await listJournals(node.paths.journal));
  for (let tries = 0; left.size > 0 && tries < TRIES && !signal.aborted; tries++) {
    for (const { operation, verb, target, outcome, error } of await recoverNode(node)) {
      if (outcome === 'failed') log.failure(target, `finish the interrupted ${verb}`, error);
      else log.info(`an interrupted ${verb} was finished`, { operation, verb, vm_uuid: target, outcome });
    }
    const present = new Set(await listJournals(node.paths.journal));
    for (const operation of left) if (!present.has(operation)) left.delete(operation);
    if (left.size > 0) await sleep(PAUSE_MILLISECONDS, undefined, { signal }).catch(() => undefined);
  }
}
