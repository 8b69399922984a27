import { defineErrors } from '../../host/errors/errors.ts';

/** Errors of NAPI whose status is not that of the other APIs (control-plane §4). */
export const networkErrors = defineErrors({
  InUse: { message: '{what} is in use by {users}', status: 422, hint: 'Remove those first.' },
});
