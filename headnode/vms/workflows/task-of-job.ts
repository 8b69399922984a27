import { createHash } from 'node:crypto';
import type { Servers, StepContext, TaskOutcome, WireObject } from '../../services.ts';
import { resultOf } from '../ask-node.ts';

export interface JobTask {
  readonly task: string;
  readonly serverUuid: string;
  readonly params: WireObject;
  readonly timeoutSeconds: number;
  /** Tells tasks of one name in one job apart. */
  readonly part?: string;
}

/**
 * Run a task for a job. Its id comes from the job's, so that whoever goes on with the job asks for the same run of it: it is started
 * once. Its params must therefore be the same each time, too.
 */
export async function runJobTask(servers: Servers, { jobUuid, asker }: StepContext, { task, serverUuid, params, timeoutSeconds, part = '' }: JobTask): Promise<TaskOutcome> {
  return await servers.runTask(serverUuid, { task, params, id: derivedUuid(jobUuid, `${task} ${part}`), asker, timeoutSeconds });
}

/** The same, for a task that has to succeed. @throws ServerUnreachable, TaskFailed, ServerNotFound */
export async function runJobTaskToEnd(servers: Servers, context: StepContext, task: JobTask): Promise<WireObject> {
  return resultOf(await runJobTask(servers, context, task), task.task, task.serverUuid);
}

/** A uuid that follows from another one and a name: version 8, of their SHA-256. */
export function derivedUuid(uuid: string, name: string): string {
  const hex = createHash('sha256').update(`${uuid} ${name}`).digest('hex');
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** A number from 0 to 2^30 that follows from a uuid. */
export function derivedNumber(uuid: string): number {
  return createHash('sha256').update(uuid).digest().readUInt32BE() >>> 2;
}
