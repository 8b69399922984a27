import { open, readdir, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { readFileIfPresent, syncDirectory, writeFileAtomically } from '../files/atomic.ts';
import type { Plan } from './plan.ts';

/** A line of a journal after the first, which is the plan itself. */
export type JournalEntry =
  | { readonly step: number; readonly state: 'started' | 'undone' }
  | { readonly step: number; readonly state: 'done'; readonly ms: number }
  | { readonly step: number; readonly state: 'failed'; readonly error: string }
  | { readonly state: 'committed' };

/**
 * The journal of one operation: `<operation>.jsonl`, the plan first, then a line for each step as it goes. Only the plan
 * and the commit are made durable; the lines between serve timing and people.
 */
export interface JournalFile {
  note(entry: JournalEntry): Promise<void>;
  commit(): Promise<void>;
  /** The operation is over, one way or the other: nothing is left to recover. */
  remove(): Promise<void>;
  /** Leave it for the next recovery. */
  keep(): Promise<void>;
}

/** Write the intent durably, before the first effect. */
export async function openJournal(directory: string, plan: Plan): Promise<JournalFile> {
  await writeFileAtomically(join(directory, `${plan.operation}.jsonl`), lineOf(plan), { durable: true });
  return reopenJournal(directory, plan.operation);
}

/** Open the journal that an earlier process left, to finish its operation. */
export async function reopenJournal(directory: string, operation: string): Promise<JournalFile> {
  const path = join(directory, `${operation}.jsonl`);
  return journalFile(directory, path, await open(path, 'a', 0o600));
}

/** Operations that have a journal, in no order. */
export async function listJournals(directory: string): Promise<string[]> {
  const names = await readdir(directory);
  return names.filter((name) => name.endsWith('.jsonl')).map((name) => name.slice(0, -'.jsonl'.length));
}

/** Read a journal; undefined when there is none of that operation. */
export async function readJournal(directory: string, operation: string): Promise<{ plan: Plan; committed: boolean } | undefined> {
  const text = await readFileIfPresent(join(directory, `${operation}.jsonl`));
  if (text === undefined) return undefined;
  const [intent = '', ...entries] = text.split('\n');
  return { plan: JSON.parse(intent) as Plan, committed: entries.some((line) => line === lineOf({ state: 'committed' }).trim()) };
}

function journalFile(directory: string, path: string, file: FileHandle): JournalFile {
  return {
    note: (entry) => file.appendFile(lineOf(entry)),
    async commit() {
      await file.appendFile(lineOf({ state: 'committed' }));
      await file.sync();
    },
    async remove() {
      await file.close();
      await rm(path, { force: true });
      await syncDirectory(directory);
    },
    keep: () => file.close(),
  };
}

function lineOf(value: Plan | JournalEntry): string {
  return `${JSON.stringify(value)}\n`;
}
