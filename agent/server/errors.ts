/** Errors as answers, in one place: `{code, message, details?, hint?, exitStatus}`, from which a client makes the same error again. */
import { z } from 'zod';
import { isSystemError, ZonewrightError } from '../../host/errors/errors.ts';
import { agentErrors } from '../errors.ts';

export const errorSchema = z
  .object({
    code: z.string().meta({ description: 'never changes its meaning; docs/errors.md lists all' }),
    message: z.string(),
    details: z.array(z.string()).optional(),
    hint: z.string().optional(),
    exitStatus: z.number().int().meta({ description: 'the exit status of a command that fails with it' }),
  })
  .meta({ id: 'Error' });

export type ErrorBody = z.infer<typeof errorSchema>;

/** An error of ours as plain data. */
export function errorBody(error: ZonewrightError): ErrorBody {
  const { code, message, details, hint, exitStatus } = error;
  return { code, message, ...(details.length > 0 && { details: [...details] }), ...(hint !== undefined && { hint }), exitStatus };
}

/**
 * What a caller is told of anything that was thrown: errors of ours as they are, what Fastify finds wrong with a request in
 * our words, and of everything else only that there is more in the log.
 */
export function presentable(error: unknown, requestId: string): ZonewrightError {
  if (error instanceof ZonewrightError) return error;
  if (isSystemError(error, 'FST_ERR_VALIDATION', 'FST_ERR_CTP_INVALID_JSON_BODY', 'FST_ERR_CTP_EMPTY_JSON_BODY', 'FST_ERR_CTP_INVALID_CONTENT_LENGTH')) {
    return agentErrors.RequestInvalid({ reason: error.message.replace(/\p{Cc}/gu, ' ').slice(0, 500) });
  }
  if (isSystemError(error, 'FST_ERR_CTP_BODY_TOO_LARGE')) return agentErrors.RequestTooLarge({ limit: limitOf(error) });
  if (isSystemError(error, 'FST_ERR_CTP_INVALID_MEDIA_TYPE')) return agentErrors.UnsupportedMediaType();
  return agentErrors.InternalError({ request: requestId });
}

/** The HTTP status of an error. */
export function statusOf(error: ZonewrightError): number {
  if (error.httpStatus !== 500) return error.httpStatus;
  return STATUSES.find(([pattern]) => pattern.test(error.code))?.[1] ?? (FAILURES.has(error.code) ? 500 : 422);
}

/** What is wrong with an engine's answer rather than with what was asked of it. */
const FAILURES = new Set(['InternalError', 'CommandFailed', 'CommandMissing', 'DatasetBusy', 'JournalUnknownStep', 'ZoneStartFailed', 'MachineStartFailed', 'QmpFailed', 'ZfsDaemonFailed', 'MetadataServiceFailed', 'RebootTimeout', 'FileSystem']);

const STATUSES: ReadonlyArray<readonly [RegExp, number]> = [
  [/^(NoSuch|ImageNotInstalled$|ImageNotFound$)/, 404],
  [/^(VmExists|Conflict|NicTagExists|NicTagInUse|ImageHasDependentClones|ImageUuidAlreadyExists|OperationInterrupted|Cannot.*)$/, 409],
  [/^(LockTimeout|NodeNotReady)$/, 503],
  [/^(NoSpace|InsufficientSpace|NoUidRangeLeft)$/, 507],
];

function limitOf(error: unknown): number {
  return typeof error === 'object' && error !== null && 'limit' in error ? Number(error.limit) : 0;
}
