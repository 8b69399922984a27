import type { Node } from '../../host/config/node-config.ts';
import { performPlan, newOperationId, type Performer } from '../../host/journal/perform.ts';
import { stepKind, type Plan, type Step } from '../../host/journal/plan.ts';
import { withLock, type Lock } from '../../host/lock/lock.ts';
import type { Planned } from '../engine.ts';
import type { VmContext } from './context.ts';

/** An engine's means: the node, and how plans are performed on it. */
export interface Workshop {
  readonly node: Node;
  readonly performer: Performer<VmContext>;
}

/** A plan for one instance. */
export function planFor(uuid: string, plan: Pick<Plan, 'verb' | 'afterCrash' | 'steps'> & { readonly operation?: string }): Plan {
  return { operation: plan.operation ?? newOperationId(), verb: plan.verb, target: uuid, afterCrash: plan.afterCrash, lock: lockName(uuid), steps: plan.steps };
}

/** Name one step; the registry (`steps/index.ts`) knows what it does. */
export function step(kind: string, args: Step['args']): Step {
  return { kind, args };
}

/** A plan with each of its steps in words. */
export function describePlan({ performer }: Workshop, plan: Plan): Planned {
  return { plan, lines: plan.steps.map(({ kind, args }) => stepKind(performer.kinds, kind)?.describe(args) ?? kind) };
}

/** Hold an instance: one operation at a time works on it. */
export function withInstance<Result>(workshop: Workshop, uuid: string, verb: string, work: (lock: Lock) => Promise<Result>): Promise<Result> {
  return withLock({ scope: workshop.node.paths.config, name: lockName(uuid), action: verb }, work);
}

/** Perform a plan for an instance that the caller holds. */
export function perform(workshop: Workshop, plan: Plan, lock: Lock): Promise<void> {
  return performPlan(plan, lock, workshop.performer);
}

export function lockName(uuid: string): string {
  return `instance:${uuid}`;
}
