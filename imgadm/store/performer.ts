import { randomUUID } from 'node:crypto';
import type { Performer, StepEvent } from '../../host/journal/perform.ts';
import { recoverOperations, type Recovered } from '../../host/journal/recover.ts';
import type { ImageContext } from './context.ts';
import { imageStepKinds } from './steps.ts';

export interface PerformerOptions {
  readonly requestId?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: StepEvent) => void) | undefined;
}

/** What performs plans on this node's images. */
export function imagePerformer(context: ImageContext, options: PerformerOptions = {}): Performer<ImageContext> {
  return {
    on: context,
    kinds: imageStepKinds,
    journalDirectory: context.node.paths.journal,
    auditFile: context.node.paths.audit,
    askedBy: 'root',
    requestId: options.requestId ?? randomUUID(),
    signal: options.signal ?? new AbortController().signal,
    onEvent: options.onEvent ?? (() => undefined),
  };
}

/** Finish what crashes of imgadm left. Journals of others lie in the same place and are left alone. */
export async function recoverImages(context: ImageContext): Promise<Recovered[]> {
  return recoverOperations(context.node.paths.config, imagePerformer(context), (plan) => plan.steps.every(({ kind }) => kind.startsWith('image.')));
}
