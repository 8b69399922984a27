import { randomUUID } from 'node:crypto';
import { ZonewrightError } from '../errors/errors.ts';
import { hostErrors } from '../errors/host-errors.ts';
import type { Lock } from '../lock/lock.ts';
import { withinOperation } from '../run/operation.ts';
import { appendAudit, type AuditRecord } from './audit.ts';
import { crashIfAsked } from './crash-point.ts';
import { openJournal, type JournalFile } from './journal-file.ts';
import { stepKind, type Plan, type Step, type StepContext, type StepKind, type StepKinds } from './plan.ts';

/** What people and programs can watch while a plan is performed. */
export interface StepEvent {
  readonly operation: string;
  readonly verb: string;
  readonly target: string;
  /** From 1. */
  readonly step: number;
  readonly steps: number;
  readonly state: 'started' | 'progress' | 'done' | 'failed' | 'undoing';
  readonly description: string;
  readonly fraction?: number | undefined;
}

/** Where and for whom plans are performed. */
export interface Performer<Context> {
  readonly on: Context;
  readonly kinds: StepKinds<Context>;
  readonly journalDirectory: string;
  readonly auditFile: string;
  /** Who asked, as far as the host knows: `root`, or a name that the agent verified. */
  readonly askedBy: string;
  readonly requestId: string;
  readonly signal: AbortSignal;
  onEvent(event: StepEvent): void;
}

/** Make a plan's operation id. */
export function newOperationId(): string {
  return randomUUID();
}

/**
 * Perform a plan: intent on disk, step after step, commit on disk. When a step fails, or somebody interrupts, a plan
 * that would be undone after a crash is undone at once, and the error is thrown when that is complete.
 *
 * @param lock the lock that the plan names; the caller holds it and releases it.
 * @throws what the failing step threw; OperationInterrupted after `performer.signal`.
 */
export async function performPlan<Context>(plan: Plan, lock: Lock, performer: Performer<Context>): Promise<void> {
  const journal = await openJournal(performer.journalDirectory, { ...plan, request: performer.requestId });
  crashIfAsked('intent');
  await withinOperation(operationOf(plan, lock, performer), () => performJournalled(plan, journal, performer));
}

/** Perform every step that is not done yet, then commit; what `performPlan` and recovery share. */
export async function performJournalled<Context>(plan: Plan, journal: JournalFile, performer: Performer<Context>): Promise<void> {
  const timings: StepTiming[] = [];
  try {
    for (const [index, step] of plan.steps.entries()) {
      if (performer.signal.aborted && plan.afterCrash === 'undo') {
        throw hostErrors.OperationInterrupted({ verb: plan.verb, step: describe(step, performer) });
      }
      timings.push(await performStep({ plan, index, step }, journal, performer));
    }
    crashIfAsked('before:commit');
    await journal.commit();
    crashIfAsked('after:commit');
  } catch (error) {
    if (plan.afterCrash === 'undo') await undoSteps(plan, journal, performer);
    await close(plan, journal, performer, { outcome: 'failed', error: messageOf(error), steps: timings });
    throw error;
  }
  await close(plan, journal, performer, { outcome: 'done', steps: timings });
}

/**
 * Take back every step, last first. All of them, whatever the journal says: its later lines may be lost.
 * When undoing itself fails the journal stays, and the next recovery tries again.
 */
export async function undoSteps<Context>(plan: Plan, journal: JournalFile, performer: Performer<Context>): Promise<void> {
  for (const [index, step] of [...plan.steps.entries()].reverse()) {
    emit({ plan, index, step }, performer, 'undoing');
    try {
      await kindOf(step, plan, performer).undo(step.args as never, contextOf({ plan, index, step }, performer));
    } catch (error) {
      await journal.keep();
      throw error;
    }
    crashIfAsked(`undone:${index + 1}`);
    await journal.note({ step: index, state: 'undone' });
  }
}

/** What the engine's callers know as the running operation. */
export function operationOf<Context>(plan: Plan, lock: Lock, performer: Performer<Context>) {
  return { id: plan.operation, requestId: performer.requestId, heldDescriptors: [lock.descriptor], signal: performer.signal };
}

/** Close an operation: its audit record is written, its journal goes. */
export async function close<Context>(
  plan: Plan,
  journal: JournalFile,
  performer: Performer<Context>,
  result: Pick<AuditRecord, 'outcome' | 'error' | 'steps'>,
): Promise<void> {
  await appendAudit(performer.auditFile, {
    at: new Date().toISOString(),
    operation: plan.operation,
    request: plan.request ?? performer.requestId,
    verb: plan.verb,
    target: plan.target,
    by: performer.askedBy,
    ...result,
  });
  await journal.remove();
}

interface StepTiming {
  readonly what: string;
  readonly ms: number;
}

interface PlannedStep {
  readonly plan: Plan;
  readonly index: number;
  readonly step: Step;
}

async function performStep<Context>(planned: PlannedStep, journal: JournalFile, performer: Performer<Context>): Promise<StepTiming> {
  const { plan, index, step } = planned;
  const kind = kindOf(step, plan, performer);
  const context = contextOf(planned, performer);
  const started = performance.now();
  emit(planned, performer, 'started');
  await journal.note({ step: index, state: 'started' });
  crashIfAsked(`before:${index + 1}`);
  try {
    if (!(await kind.isDone(step.args as never, context))) await kind.perform(step.args as never, context);
  } catch (error) {
    emit(planned, performer, 'failed');
    await journal.note({ step: index, state: 'failed', error: messageOf(error) });
    throw error;
  }
  crashIfAsked(`after:${index + 1}`);
  const ms = Math.round((performance.now() - started) * 10) / 10;
  await journal.note({ step: index, state: 'done', ms });
  emit(planned, performer, 'done');
  return { what: kind.describe(step.args as never), ms };
}

function kindOf<Context>(step: Step, plan: Plan, performer: Performer<Context>): StepKind<Context> {
  const kind = stepKind(performer.kinds, step.kind);
  if (!kind) throw hostErrors.JournalUnknownStep({ path: plan.operation, kind: step.kind });
  return kind;
}

function describe<Context>(step: Step, performer: Performer<Context>): string {
  return stepKind(performer.kinds, step.kind)?.describe(step.args as never) ?? step.kind;
}

function contextOf<Context>(planned: PlannedStep, performer: Performer<Context>): StepContext<Context> {
  return {
    operation: planned.plan.operation,
    on: performer.on,
    report: (note, fraction) => emit(planned, performer, 'progress', note, fraction),
  };
}

function emit<Context>(planned: PlannedStep, performer: Performer<Context>, state: StepEvent['state'], note?: string, fraction?: number): void {
  const { plan, index, step } = planned;
  performer.onEvent({
    operation: plan.operation,
    verb: plan.verb,
    target: plan.target,
    step: index + 1,
    steps: plan.steps.length,
    state,
    description: note ?? describe(step, performer),
    fraction,
  });
}

/** Text for the journal: messages of ours hold no secrets, those of others may. */
function messageOf(error: unknown): string {
  return error instanceof ZonewrightError ? `${error.code}: ${error.message}` : error instanceof Error ? error.name : 'unknown error';
}
