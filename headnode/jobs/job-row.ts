import type { Job, WireObject } from '../services.ts';

/** An entry of `chain_results` (control-plane §3.5). Times are ISO 8601. */
export type StepResult = Job['chain_results'][number];

/** A job as the database holds it. */
export interface JobRow {
  readonly uuid: string;
  readonly name: string;
  readonly execution: Job['execution'];
  readonly lock: string;
  readonly vm_uuid: string | null;
  readonly server_uuid: string | null;
  readonly params: WireObject;
  readonly state: WireObject;
  readonly asker: { readonly requestId: string; readonly by: string };
  readonly chain_results: readonly StepResult[];
  readonly onerror_results: readonly StepResult[];
  readonly at_step: number;
  readonly undo_step: number | null;
  readonly failure: string | null;
  readonly attempt: number;
  readonly settled: boolean;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
}

/** A job as its readers know it, those of the workflow API included: `execution` and `chain_results` are what they poll for. */
export function toJob(row: JobRow): Job {
  return {
    uuid: row.uuid,
    name: row.name,
    execution: row.execution,
    params: row.params,
    ...(row.vm_uuid === null ? {} : { vm_uuid: row.vm_uuid }),
    ...(row.server_uuid === null ? {} : { server_uuid: row.server_uuid }),
    chain_results: row.chain_results,
    onerror_results: row.onerror_results,
    target: `/${row.name}-${row.lock}`,
    requester: row.asker.by,
    request_id: row.asker.requestId,
    num_attempts: row.attempt,
    settled: row.settled,
    created_at: row.created_at.toISOString(),
    ...(row.started_at === null ? {} : { started_at: row.started_at.toISOString() }),
    ...(row.finished_at === null ? {} : { finished_at: row.finished_at.toISOString(), elapsed: secondsBetween(row.created_at, row.finished_at) }),
    ...(row.failure === null ? {} : { failure: row.failure }),
  };
}

/** Whether a job's outcome is decided. */
export function hasEnded({ execution }: Pick<JobRow | Job, 'execution'>): boolean {
  return execution !== 'queued' && execution !== 'running';
}

function secondsBetween(from: Date, to: Date): number {
  return Math.max(0, (to.getTime() - from.getTime()) / 1000);
}
