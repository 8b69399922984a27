import { ZonewrightError } from '../../host/errors/errors.ts';
import { imgadmErrors } from '../errors.ts';

/** Several failures as one error, a single one as it is, none as undefined. */
export function failureOf(failures: readonly unknown[]): unknown {
  if (failures.length <= 1) return failures[0];
  const details = failures.map((failure) => (failure instanceof ZonewrightError ? `error (${failure.code}): ${failure.message}` : `error (InternalError): ${String(failure)}`));
  return imgadmErrors.MultiError({ count: failures.length }, { details });
}
