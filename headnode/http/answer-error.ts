import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ZonewrightError } from '../../host/errors/errors.ts';
import { headErrors } from '../errors.ts';
import { InvalidFields, type FieldError } from './invalid-fields.ts';

/** Errors that parameters give which do not fit: CNAPI and VMAPI say the first, NAPI the second, CloudAPI the third. */
export type InvalidCode = 'ValidationFailed' | 'InvalidParameters' | 'InvalidArgument';

/** Put any error on the wire as `{code, message, errors?}`. What is not meant for callers is logged and said without content. */
export function answerError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const { status, body } = answerOf(thrown, request);
  if (status >= 500 && !(thrown instanceof ZonewrightError)) request.log.error({ err: thrown }, 'request failed');
  void reply.status(status).type('application/json').serializer(JSON.stringify).send(body);
}

export function answerNotFound(request: FastifyRequest, reply: FastifyReply): void {
  answerError(headErrors.ResourceNotFound({ what: `${request.method} ${request.url.split('?')[0] ?? ''}` }), request, reply);
}

interface Answer {
  readonly status: number;
  readonly body: { readonly code: string; readonly message: string; readonly errors?: readonly FieldError[] };
}

function answerOf(thrown: unknown, request: FastifyRequest): Answer {
  const error = meant(thrown, request.routeOptions.config.invalid ?? 'ValidationFailed');
  if (error instanceof ZonewrightError) {
    const errors = error instanceof InvalidFields ? { errors: error.errors } : {};
    return { status: error.httpStatus, body: { code: error.code, message: error.message, ...errors } };
  }
  const status = statusOf(error);
  if (status === undefined || status >= 500) return { status: 500, body: { code: 'InternalError', message: `something went wrong; the log has it under ${request.id}` } };
  return { status, body: { code: RESTIFY_CODES[status] ?? 'BadRequest', message: error instanceof Error ? error.message : 'the request cannot be understood' } };
}

/** Mistakes that zod finds, by a route's schema or in a handler. */
function meant(thrown: unknown, code: InvalidCode): unknown {
  if (thrown instanceof z.ZodError) return invalid(code, thrown.issues.map((issue) => ({ path: issue.path.map(String), message: issue.message, absent: isAbsent(issue.code, issue.message) })));
  if (!hasZodFastifySchemaValidationErrors(thrown)) return thrown;
  return invalid(code, thrown.validation.map(({ instancePath, message = 'is not valid', keyword }) => ({ path: instancePath.split('/').slice(1), message, absent: isAbsent(keyword, message) })));
}

function invalid(code: InvalidCode, issues: ReadonlyArray<{ path: readonly string[]; message: string; absent: boolean }>): InvalidFields {
  return new InvalidFields(code, issues.map(({ path, message, absent }) => ({ field: path.join('.') || 'body', code: absent ? 'MissingParameter' : 'Invalid', message })));
}

function isAbsent(issue: string, message: string): boolean {
  return issue === 'invalid_type' && message.endsWith('received undefined');
}

const RESTIFY_CODES: Readonly<Record<number, string>> = {
  400: 'InvalidContent',
  405: 'BadMethod',
  408: 'RequestTimeout',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  416: 'RequestedRangeNotSatisfiable',
};

function statusOf(error: unknown): number | undefined {
  return error instanceof Error && 'statusCode' in error && typeof (error as FastifyError).statusCode === 'number' ? (error as FastifyError).statusCode : undefined;
}
