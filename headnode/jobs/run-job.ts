import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../db/database.ts';
import type { StepContext, Workflow, WorkflowStep } from '../services.ts';
import type { JobRow, StepResult } from './job-row.ts';
import { claimJob, saveProgress, type Progress } from './store.ts';
import { isTransient, reasonOf, Waiting } from './transient.ts';

export interface Runner {
  readonly database: Database;
  workflowOf(name: string): Workflow | undefined;
  /** For those who look after the head node: what went wrong inside a step, with its stack. */
  onStepError(facts: { readonly job: JobRow; readonly step: string }, error: unknown): void;
}

/**
 * Go on with a job from where it is, be that the beginning, the middle of a step that another process was interrupted in, or the
 * taking back of what was done. Returns when nothing is left to be done for it.
 * @throws Waiting when it has to be tried again later; what stopped it stands with the step
 */
export async function runJob(runner: Runner, uuid: string, signal: AbortSignal): Promise<void> {
  const claimed = await claimJob(runner.database, uuid);
  if (!claimed) return;
  const workflow = runner.workflowOf(claimed.name);
  // Another version of the head node may know it.
  if (!workflow) throw new Waiting(`no workflow is called ${claimed.name}`);
  let job = claimed;
  while (job.failure === null && job.at_step < workflow.steps.length) job = await forward(runner, { job, workflow, signal });
  while (job.failure !== null && (job.undo_step ?? -1) >= 0) job = await backward(runner, { job, workflow, signal });
  if (!job.settled) await save(runner, job, { execution: job.failure === null ? 'succeeded' : 'failed', settled: true });
}

interface Position {
  readonly job: JobRow;
  readonly workflow: Workflow;
  readonly signal: AbortSignal;
}

async function forward(runner: Runner, { job, workflow, signal }: Position): Promise<JobRow> {
  const step = stepAt(workflow, job.at_step);
  const begun = await save(runner, job, { chain_results: beginEntry(job.chain_results, job.at_step, step.name) });
  const entry = (changes: Partial<StepResult>) => replaceAt(begun.chain_results, begun.at_step, changes);
  try {
    const { evidence, state } = await perform(step, begun, signal);
    return await save(runner, begun, {
      state: { ...begun.state, ...state },
      chain_results: entry({ result: evidence, error: '', finished_at: now() }),
      at_step: begun.at_step + 1,
    });
  } catch (error) {
    if (signal.aborted) throw new Waiting('interrupted');
    const startedAt = begun.chain_results[begun.at_step]?.started_at ?? now();
    const patience = step.patienceSeconds ?? step.timeoutSeconds;
    const timeLeft = Date.parse(startedAt) + patience * 1000 > Date.now();
    if (isTransient(error) && timeLeft) {
      await save(runner, begun, { chain_results: entry({ result: `waiting: ${reasonOf(error)}` }) });
      throw new Waiting(reasonOf(error));
    }
    runner.onStepError({ job: begun, step: step.name }, error);
    const reason = isTimeout(error) ? `not done within ${step.timeoutSeconds} s` : isTransient(error) ? `given up after ${patience} s: ${reasonOf(error)}` : reasonOf(error);
    return await save(runner, begun, { chain_results: entry({ result: '', error: reason, finished_at: now() }), failure: `${step.name}: ${reason}`, undo_step: begun.at_step });
  }
}

/** Take the step in hand back. While it has to wait the job is told to have failed already, since that is decided. */
async function backward(runner: Runner, { job, workflow, signal }: Position): Promise<JobRow> {
  const index = job.undo_step ?? 0;
  const step = stepAt(workflow, index);
  if (!step.compensate) return await save(runner, job, { undo_step: index - 1 });
  const begun = await save(runner, job, { onerror_results: beginUndo(job.onerror_results, step.name) });
  const entry = (changes: Partial<StepResult>) => begun.onerror_results.map((one) => (one.name === step.name ? { ...one, ...changes } : one));
  try {
    await compensate(step, begun, signal);
    return await save(runner, begun, { onerror_results: entry({ result: 'OK', error: '', finished_at: now() }), undo_step: index - 1 });
  } catch (error) {
    if (signal.aborted) throw new Waiting('interrupted');
    runner.onStepError({ job: begun, step: `${step.name} (taken back)` }, error);
    await save(runner, begun, { execution: 'failed', onerror_results: entry({ error: `waiting: ${reasonOf(error)}` }) });
    throw new Waiting(reasonOf(error));
  }
}

async function perform(step: WorkflowStep, job: JobRow, signal: AbortSignal) {
  return await within(step.timeoutSeconds, signal, (both) => step.run(contextOf(job, both)));
}

async function compensate(step: WorkflowStep, job: JobRow, signal: AbortSignal): Promise<void> {
  await within(step.timeoutSeconds, signal, async (both) => await step.compensate?.(contextOf(job, both)));
}

/** How long a step whose time is over may take to end, before the job goes on without it. */
const GRACE_MILLISECONDS = 3_000;

/** Work that is told when its time is over, and left alone when the job is not this process's any more: who has it then does it again. */
async function within<Result>(seconds: number, signal: AbortSignal, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const left = Promise.withResolvers<never>();
  const timeout = AbortSignal.timeout(seconds * 1000);
  const leave = (): void => left.reject(signal.reason);
  const insist = (): void => void sleep(GRACE_MILLISECONDS, undefined, { ref: false }).then(() => left.reject(timeout.reason));
  signal.addEventListener('abort', leave, { once: true });
  timeout.addEventListener('abort', insist, { once: true });
  left.promise.catch(ignore);
  if (signal.aborted) leave();
  try {
    return await Promise.race([work(AbortSignal.any([signal, timeout])), left.promise]);
  } finally {
    signal.removeEventListener('abort', leave);
    timeout.removeEventListener('abort', insist);
  }
}

async function save(runner: Runner, job: JobRow, changes: Partial<Progress>): Promise<JobRow> {
  const { execution, state, chain_results, onerror_results, at_step, undo_step, failure, settled } = job;
  return await saveProgress(runner.database, job, { execution, state, chain_results, onerror_results, at_step, undo_step, failure, settled, ...changes });
}

function contextOf(job: JobRow, signal: AbortSignal): StepContext {
  return { jobUuid: job.uuid, params: job.params, state: job.state, asker: job.asker, signal, ...(job.failure === null ? {} : { failure: job.failure }) };
}

function stepAt({ name, steps }: Workflow, index: number): WorkflowStep {
  const step = steps[index];
  if (!step) throw new Error(`workflow ${name} has no step ${index}`);
  return step;
}

function beginEntry(results: readonly StepResult[], index: number, name: string): readonly StepResult[] {
  if (results[index]) return results;
  return [...results.slice(0, index), { name, result: '', error: '', started_at: now(), finished_at: null }];
}

function beginUndo(results: readonly StepResult[], name: string): readonly StepResult[] {
  return results.some((one) => one.name === name) ? results : [...results, { name, result: '', error: '', started_at: now(), finished_at: null }];
}

function replaceAt(results: readonly StepResult[], index: number, changes: Partial<StepResult>): readonly StepResult[] {
  return results.map((one, at) => (at === index ? { ...one, ...changes } : one));
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TimeoutError';
}

function now(): string {
  return new Date().toISOString();
}

function ignore(): void {}
