/**
 * The agent's API: one Fastify app, whatever it is listened to by. Listeners hand it requests by `app.routing` and vouch
 * for their callers (`introduce`); routes are plugins, one file per resource, and say who may call them.
 */
import fastifySwagger from '@fastify/swagger';
import Fastify from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { randomUUID } from 'node:crypto';
import { agentErrors } from '../errors.ts';
import { reasonOf } from '../log.ts';
import { ROUTES } from '../routes/index.ts';
import { callerOf, type Role } from './caller.ts';
import { errorBody, presentable, statusOf } from './errors.ts';
import { openApiInfo } from './open-api.ts';
import type { Services } from './services.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call the route; everyone else is told that there is no such thing. */
    readonly roles?: readonly Role[];
  }
}

/** The bodies that most routes take; those that take payloads say so themselves. */
const BODY_BYTES = 64 * 1024;

export type AgentApp = ReturnType<typeof newApp>;

/** Build the app with all its routes, ready for requests. */
export async function buildApp(services: Services): Promise<AgentApp> {
  const app = newApp();
  // What the engine answers is plain JSON, in the order in which the CLIs print it.
  app.setValidatorCompiler(validatorCompiler).setSerializerCompiler(() => (answer) => JSON.stringify(answer));
  app.addHook('onRoute', ({ config, method, url }) => {
    if (!config?.roles) throw new Error(`route ${String(method)} ${url} does not say who may call it`);
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    const roles: readonly Role[] = request.routeOptions.config?.roles ?? [];
    const caller = callerOf(request.raw);
    if (!caller || !roles.includes(caller.role)) throw agentErrors.ResourceNotFound();
  });
  app.addHook('onResponse', async (request, reply) => {
    const { url = 'none' } = request.routeOptions;
    services.metrics.answered({ route: url, method: request.method, status: reply.statusCode, seconds: reply.elapsedTime / 1000 });
    const facts = { req_id: request.id, method: request.method, route: url, status: reply.statusCode, ms: Math.round(reply.elapsedTime), caller: callerOf(request.raw)?.name };
    // What changes something has lines of its own (perform.ts).
    services.log.debug('answered', facts);
  });
  app.removeContentTypeParser('text/plain');
  app.setNotFoundHandler(() => {
    throw agentErrors.ResourceNotFound();
  });
  app.setErrorHandler((error, request, reply) => {
    const shown = presentable(error, request.id);
    if (shown.code === 'InternalError') services.log.warn(reasonOf(error), { req_id: request.id, route: request.routeOptions.url });
    void reply.code(statusOf(shown)).send(errorBody(shown));
  });
  await app.register(fastifySwagger, { ...openApiInfo(), transform: jsonSchemaTransform, transformObject: jsonSchemaTransformObject });
  await app.register(async (scope) => {
    for (const route of ROUTES) route(scope as AgentApp, services);
  });
  await app.ready();
  return app;
}

const REQUEST_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

function newApp() {
  return Fastify({
    logger: false,
    bodyLimit: BODY_BYTES,
    exposeHeadRoutes: false,
    // The engine judges every name in a payload itself.
    onProtoPoisoning: 'ignore',
    onConstructorPoisoning: 'ignore',
    genReqId: (request) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    },
    routerOptions: { ignoreTrailingSlash: false, maxParamLength: 1024 },
  }).withTypeProvider<ZodTypeProvider>();
}
