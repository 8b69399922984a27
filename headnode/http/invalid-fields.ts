import { ZonewrightError } from '../../host/errors/errors.ts';
import { headErrors } from '../errors.ts';

/** What is wrong with one parameter. `code` as NAPI and VMAPI have it: MissingParameter, Invalid, Duplicate, InUse … */
export interface FieldError {
  readonly field: string;
  readonly code: string;
  readonly message: string;
}

/** An error that names each parameter that is wrong; `errors[]` on the wire (control-plane §3.1, §4). */
export class InvalidFields extends ZonewrightError {
  readonly errors: readonly FieldError[];

  /** @param code one of the codes of headErrors whose only fact is a reason */
  constructor(code: 'ValidationFailed' | 'InvalidParameters' | 'InvalidArgument', errors: readonly FieldError[]) {
    const { message, httpStatus } = headErrors[code]({ reason: `${errors.length === 1 ? 'a parameter is' : 'parameters are'} not valid: ${errors.map(({ field, message }) => `${field}: ${message}`).join('; ')}` });
    super(code, message, { status: httpStatus });
    this.errors = errors;
  }
}
