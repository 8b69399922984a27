import { hostErrors } from '../../host/errors/host-errors.ts';
import { currentOperation } from '../../host/run/operation.ts';

/** Do something long that ends early when the operation is interrupted, and say then that this was the reason. @throws OperationInterrupted */
export async function interruptible<Result>(step: string, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const { signal } = currentOperation() ?? { signal: new AbortController().signal };
  try {
    return await work(signal);
  } catch (error) {
    throw signal.aborted ? hostErrors.OperationInterrupted({ verb: 'image install', step }, { cause: error }) : error;
  }
}
