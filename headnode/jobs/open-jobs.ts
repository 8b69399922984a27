/**
 * Jobs: what takes time and must be finished, or taken back, whatever happens to the process that began it (control-plane §3.5).
 *
 * A job is a row. Its workflow says which steps it takes; after each one the row says so, with what the step left. The queue hands a
 * job to one process at a time and to another one when that falls silent; that one goes on with the step in hand, which is why
 * steps must be such that doing them again does no harm. A step that finds a node unreachable is tried again until its time is
 * over. What fails for good is taken back in the reverse order, the interrupted step included.
 */
import type { Database, Queries } from '../db/database.ts';
import { headErrors } from '../errors.ts';
import type { Job, Jobs, WireObject, Workflow } from '../services.ts';
import { toJob } from './job-row.ts';
import { openQueue } from './queue.ts';
import { runJob } from './run-job.ts';
import { hasUnsettled, inHand, insertJob, listJobs, readJob, type JobFilter } from './store.ts';
import { newWaiters } from './waiters.ts';

export interface JobsOptions {
  readonly database: Database;
  /** For the log: what failed, and why. */
  onError(what: string, error: unknown): void;
  readonly concurrency?: number;
}

type StartOptions = Parameters<Jobs['start']>[1] & {
  /** What the first step finds as left by an earlier one. It is told to nobody: parameters of a guest belong here. */
  readonly state?: WireObject;
};

export interface OpenJobs extends Jobs {
  start(name: string, options: StartOptions): Promise<Job>;
  /** The same within a transaction: the job is there, and begins, when that is done. */
  startWithin(queries: Queries, name: string, options: StartOptions): Promise<Job>;
  /** Whether something is still to be done under a lock, by any head process. */
  isBusy(lock: string): Promise<boolean>;
  /** Run jobs in this process from now on; all workflows are defined by then. */
  begin(): Promise<void>;
  close(): Promise<void>;
}

/** Open the jobs of a head node. Nothing runs before `begin`. */
export async function openJobs({ database, onError, ...options }: JobsOptions): Promise<OpenJobs> {
  const workflows = new Map<string, Workflow>();
  const queue = await openQueue({ database, onError: (error) => onError('the job queue', error), ...options });
  const waiters = await newWaiters(database);

  const startWithin: OpenJobs['startWithin'] = async (queries, name, { state = {}, ...rest }) => {
    if (!workflows.has(name)) throw new Error(`no workflow is called ${name}`);
    const row = await insertJob(queries, { name, state, ...rest });
    await queue.send(queries, row);
    return toJob(row);
  };
  return {
    define(workflow) {
      if (workflows.has(workflow.name)) throw new Error(`two workflows are called ${workflow.name}`);
      workflows.set(workflow.name, workflow);
    },
    start: (name, start) => database.transaction((queries) => startWithin(queries, name, start), { isolation: 'read committed' }),
    startWithin,
    async get(uuid) {
      const row = await readJob(database, uuid);
      return row && toJob(row);
    },
    list: async (filter: JobFilter) => (await listJobs(database, filter)).map(toJob),
    async wait(uuid, timeoutSeconds) {
      const row = await waiters.wait(uuid, timeoutSeconds);
      if (!row) throw headErrors.ResourceNotFound({ what: `job ${uuid}` });
      return toJob(row);
    },
    isBusy: (lock) => hasUnsettled(database, lock),
    async begin() {
      // PGlite has one process: what is in hand now was in the hands of one that has ended.
      if (database.kind === 'pglite') await queue.giveBack(await inHand(database));
      const runner = {
        database,
        workflowOf: (name: string) => workflows.get(name),
        onStepError: ({ job, step }: { job: { uuid: string; name: string }; step: string }, error: unknown) => onError(`job ${job.uuid} (${job.name}), step ${step}`, error),
      };
      await queue.begin((uuid, signal) => runJob(runner, uuid, signal));
    },
    async close() {
      await queue.close();
      await waiters.close();
    },
  };
}
