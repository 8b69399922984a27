/** Operations that callers have asked for and that run now. Each can be cancelled by its id, by whoever knows it. */
import { randomUUID } from 'node:crypto';

export interface Operation {
  readonly id: string;
  readonly verb: string;
  readonly target: string | undefined;
  readonly requestId: string;
  readonly startedAt: Date;
  readonly signal: AbortSignal;
  end(): void;
}

export interface Operations {
  begin(what: Pick<Operation, 'verb' | 'target' | 'requestId'>): Operation;
  /** Ask an operation to stop and undo. @returns false when it does not run (any more) */
  cancel(id: string): boolean;
  running(): Operation[];
}

export function newOperations(): Operations {
  const running = new Map<string, { readonly operation: Operation; readonly controller: AbortController }>();
  return {
    begin(what) {
      const controller = new AbortController();
      const id = randomUUID();
      const operation = { id, ...what, startedAt: new Date(), signal: controller.signal, end: () => void running.delete(id) };
      running.set(id, { operation, controller });
      return operation;
    },
    cancel(id) {
      const found = running.get(id);
      found?.controller.abort();
      return found !== undefined;
    },
    running: () => [...running.values()].map(({ operation }) => operation),
  };
}
