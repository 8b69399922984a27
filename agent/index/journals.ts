/** Which instances an operation works on now, whoever performs it: from the journals, as they come and go. */
import { basename } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import { listJournals, readJournal } from '../../host/journal/journal-file.ts';
import { inTurn } from './in-turn.ts';
import { watchPath } from './watch.ts';

export interface Journals {
  /** Verbs in flight by the uuid that they work on. */
  verbs(): ReadonlyMap<string, string>;
  settled(): Promise<void>;
  recheck(): Promise<void>;
  close(): void;
}

/** @param onChange is called with the uuid that an operation begins or ceases to work on. */
export function watchJournals(node: Node, onChange: (uuid: string) => void, onFailure: (error: unknown) => void): Journals {
  const directory = node.paths.journal;
  const flying = new Map<string, { readonly target: string; readonly verb: string }>();

  async function look(operation: string): Promise<void> {
    try {
      const journal = await readJournal(directory, operation);
      const before = flying.get(operation);
      if (journal && !journal.committed) flying.set(operation, { target: journal.plan.target, verb: journal.plan.verb });
      else flying.delete(operation);
      const target = before?.target ?? journal?.plan.target;
      if (target !== undefined) onChange(target);
    } catch (error) {
      onFailure(error);
    }
  }

  async function recheck(): Promise<void> {
    for (const operation of new Set([...flying.keys(), ...(await listJournals(directory))])) looks.touch(operation);
  }

  const looks = inTurn(look);
  const watching = watchPath(directory, (kind, name) => {
    if (name === undefined) void recheck().catch(onFailure);
    else if (kind === 'rename' && name.endsWith('.jsonl')) looks.touch(basename(name, '.jsonl'));
  });
  return {
    verbs: () => new Map([...flying.values()].map(({ target, verb }) => [target, verb])),
    settled: () => looks.settled(),
    recheck,
    close: () => watching?.close(),
  };
}
