import { isErrorCode } from '../../host/errors/errors.ts';
import { ClaimLost } from './store.ts';

/** Whether what stopped a step may be gone in a while: a node that cannot be reached, a database that is being restarted. */
export function isTransient(error: unknown): boolean {
  return isErrorCode(error, 'ServerUnreachable') || isErrorCode(error, 'DatabaseUnreachable') || error instanceof ClaimLost;
}

/** A job waits for something; the queue hands it out again after a pause. */
export class Waiting extends Error {
  override readonly name = 'Waiting';
}

/** What a job's readers are told of an error. The texts of our own errors hold no secrets; of others only the kind is told. */
export function reasonOf(error: unknown): string {
  if (error instanceof Error && 'httpStatus' in error) return error.message;
  if (!(error instanceof Error)) return 'unknown error';
  return `internal error: ${['code' in error ? String(error.code) : undefined, error.name].filter(Boolean).join(' ')}`;
}
