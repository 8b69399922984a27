/**
 * What is kept of tasks, one file each in the pool. A task with an id of its caller's is on disk before it begins and its outcome
 * before anyone hears of it, so that whoever asks by that id is told the truth, whatever died meanwhile.
 */
import { createHash } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isUuid } from '../../host/config/units.ts';
import { makePrivateDirectory, readFileIfPresent, sweepTemporaries, writeFileAtomically } from '../../host/files/atomic.ts';
import type { TaskError, TaskParams, TaskResult } from '../wire/tasks.ts';
import { hideSecrets } from './hide-secrets.ts';

export interface TaskRecord {
  readonly version: 1;
  readonly id: string;
  /** The id is the caller's. */
  readonly named: boolean;
  readonly task: string;
  /** As they were checked; without secrets once the task is over. */
  readonly params: TaskParams;
  /** Of task and params as they came: tells the same request from another one under the same id. */
  readonly digest: string;
  readonly requestId: string;
  readonly askedBy: string;
  readonly acceptedAt: string;
  /** How often an agent began it. */
  readonly attempts: number;
  readonly status: 'active' | 'complete' | 'failure';
  /** It was cut off: nobody saw how it ended. */
  readonly cutOff?: boolean;
  readonly finishedAt?: string;
  readonly result?: TaskResult;
  readonly error?: TaskError;
}

export interface RecordStore {
  /** All of them, oldest first. What cannot be read is no task's any more and is removed. */
  load(): Promise<TaskRecord[]>;
  /** Keep a record; durably when the caller named the task. */
  save(record: TaskRecord): Promise<void>;
  remove(id: string): Promise<void>;
}

/** The records in a directory, which is made. */
export async function openRecordStore(directory: string): Promise<RecordStore> {
  await makePrivateDirectory(directory);
  await sweepTemporaries(directory);
  const pathOf = (id: string): string => {
    if (!isUuid(id)) throw new Error(`not a task id: ${id}`);
    return join(directory, `${id}.json`);
  };
  return {
    async load() {
      const ids = (await readdir(directory)).flatMap((name) => (isUuid(name.slice(0, 36)) && name.endsWith('.json') ? [name.slice(0, 36)] : []));
      const records = await Promise.all(ids.map(async (id) => parse(id, await readFileIfPresent(pathOf(id)))));
      return records.filter((record) => record !== undefined).sort((one, other) => (one.acceptedAt < other.acceptedAt ? -1 : 1));
    },
    save: (record) => writeFileAtomically(pathOf(record.id), `${JSON.stringify(record)}\n`, { durable: record.named }),
    remove: (id) => rm(pathOf(id), { force: true }),
  };
}

/** A record in memory alone, for nodes that only exist there. */
export function newMemoryStore(): RecordStore {
  return { load: async () => [], save: async () => undefined, remove: async () => undefined };
}

/** A record of a task that is over: what may be secret of its params has done its work. */
export function finished(record: TaskRecord, outcome: Pick<TaskRecord, 'status' | 'result' | 'error' | 'cutOff'>): TaskRecord {
  return { ...record, ...outcome, params: hideSecrets(record.params), finishedAt: new Date().toISOString() };
}

/** The same for the same request, whatever the order of its properties. */
export function digestOf(task: string, params: TaskParams): string {
  return createHash('sha256').update(JSON.stringify([task, sorted(params)])).digest('hex');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)).map(([key, inner]) => [key, sorted(inner)]));
}

function parse(id: string, text: string | undefined): TaskRecord | undefined {
  if (text === undefined) return undefined;
  try {
    const record = JSON.parse(text) as Partial<TaskRecord>;
    return record.version === 1 && record.id === id ? (record as TaskRecord) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
