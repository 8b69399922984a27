/**
 * The manners that all of the head node's APIs share (control-plane §9.4): JSON errors with `code` and `message`, request
 * ids that are echoed, bodies of limited size that must arrive in limited time, and a role for each request.
 */
import type { IncomingMessage } from 'node:http';
import type Logger from 'bunyan';
import Fastify, { LogController, type FastifyBaseLogger, type FastifyInstance, type RawReplyDefaultExpression, type RawRequestDefaultExpression, type RawServerDefault } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { randomUUID } from 'node:crypto';
import { headErrors } from '../errors.ts';
import { answerError, answerNotFound, type InvalidCode } from './answer-error.ts';
import { acceptBodies, limitBodyTime } from './bodies.ts';
import { authorize, OPERATOR, type NodeAccess, type RequestRole } from './roles.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a node may do with this route: `own` for the server named by `:uuid` or `?server_uuid=`, `any` for all. Else it is not there for nodes. */
    node?: NodeAccess;
    /** Whether it is there for who shows no certificate, too. */
    anonymous?: boolean;
    /** The error that parameters give which do not fit the schema; ValidationFailed (409) unless given. */
    invalid?: InvalidCode;
    /** Logged only when debugging, since it comes all the time. */
    often?: boolean;
  }
  interface FastifyRequest {
    role: RequestRole;
  }
}

/** A Fastify app whose routes take zod schemas. */
export type App = FastifyInstance<RawServerDefault, RawRequestDefaultExpression, RawReplyDefaultExpression, FastifyBaseLogger, ZodTypeProvider>;

export interface AppOptions {
  readonly log: Logger;
  /** Who speaks on a connection. Without it everybody is an operator, as in CloudAPI, which looks at signatures itself. */
  readonly roleOf?: (request: IncomingMessage) => RequestRole | Promise<RequestRole>;
  /** Bytes; a route may have its own `bodyLimit`. Default 1 MiB. */
  readonly bodyLimit?: number;
  /** Seconds for a body to arrive. Default 30. */
  readonly bodySeconds?: number;
}

/** Make an app without routes. It listens on nothing: see `listen.ts`. */
export function newApp({ log, roleOf, bodyLimit = MEBIBYTE, bodySeconds = 30 }: AppOptions): App {
  const app = Fastify({
    loggerInstance: log as unknown as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'req_id' }),
    bodyLimit,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 256 },
    // Both the request and the reply may be long-lived; what must be quick has its own clock.
    requestTimeout: 0,
    genReqId: requestIdOf,
    requestIdHeader: false,
    exposeHeadRoutes: false,
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.decorateRequest('role');
  acceptBodies(app);
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id).header('request-id', request.id);
    // A page in a browser on this machine could otherwise speak as an operator.
    if (roleOf && request.headers.origin !== undefined) throw headErrors.NotAuthorized({ reason: 'requests from web pages are not taken here' });
    request.role = roleOf ? await roleOf(request.raw) : OPERATOR;
    authorize(request);
  });
  limitBodyTime(app, bodySeconds);
  app.setErrorHandler(answerError);
  app.setNotFoundHandler((request, reply) => answerNotFound(request, reply));
  app.addHook('onSend', async (_request, reply) => void reply.header('x-response-time', Math.round(reply.elapsedTime)));
  app.addHook('onResponse', async (request, reply) => {
    const facts = { method: request.method, path: request.url.split('?')[0], status: reply.statusCode, milliseconds: Math.round(reply.elapsedTime), by: request.role?.by };
    if (request.routeOptions.config.often && reply.statusCode < 400) request.log.debug(facts, 'answered');
    else request.log.info(facts, 'answered');
  });
  return app as unknown as App;
}

const MEBIBYTE = 1024 * 1024;

/** The caller's id when it can be put into logs and headers as it stands. */
function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id'] ?? request.headers['request-id'];
  return typeof given === 'string' && /^[A-Za-z0-9._:-]{1,128}$/.test(given) ? given : randomUUID();
}
