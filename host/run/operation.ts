import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * The operation that code is running for. It travels with the asynchronous call chain, so that every external program
 * knows whose it is without each function passing it on.
 */
export interface Operation {
  readonly id: string;
  readonly requestId: string;
  /**
   * File descriptors that every program started for this operation inherits. They keep the operation's lock held while
   * such a program lives on after a kill of ours, so that recovery never overtakes it.
   */
  readonly heldDescriptors: readonly number[];
  readonly signal: AbortSignal;
}

const current = new AsyncLocalStorage<Operation>();

/** Run `work` as part of `operation`. */
export function withinOperation<Result>(operation: Operation, work: () => Promise<Result>): Promise<Result> {
  return current.run(operation, work);
}

/** The operation that the caller is part of, if any. */
export function currentOperation(): Operation | undefined {
  return current.getStore();
}
