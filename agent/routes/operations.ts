import { z } from 'zod';
import { agentErrors } from '../errors.ts';
import type { RoutePlugin } from './route.ts';
import { ENGINE_ROLES, FAILURES, nothing } from './schemas.ts';

const roles = ENGINE_ROLES;
const tags = ['operations'];

const operationSchema = z.object({ id: z.string(), verb: z.string(), target: z.string().optional(), request: z.string(), started_at: z.string() });

/** Operations that run now. */
export const operationRoutes: RoutePlugin = (app, services) => {
  app.route({
    method: 'GET',
    url: '/operations',
    config: { roles },
    schema: { tags, summary: 'What callers have asked for and runs now', response: { 200: z.array(operationSchema), ...FAILURES } },
    handler: async () =>
      services.operations.running().map(({ id, verb, target, requestId, startedAt }) => ({ id, verb, ...(target !== undefined && { target }), request: requestId, started_at: startedAt.toISOString() })),
  });

  app.route({
    method: 'DELETE',
    url: '/operations/:id',
    config: { roles },
    schema: { tags, summary: 'Ask an operation to stop and undo; its own answer says what became of it', params: z.object({ id: z.uuid() }), response: { 200: nothing, ...FAILURES } },
    handler: async ({ params: { id } }) => {
      if (!services.operations.cancel(id)) throw agentErrors.NoSuchOperation({ id });
      return null;
    },
  });
};
