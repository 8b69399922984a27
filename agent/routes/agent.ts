import { z } from 'zod';
import type { RoutePlugin } from './route.ts';
import { FAILURES } from './schemas.ts';

/** Nothing of a guest is in these. */
const roles = ['local', 'head', 'monitor'] as const;
const tags = ['agent'];

/** The agent itself. */
export const agentRoutes: RoutePlugin = (app, services) => {
  app.route({
    method: 'GET',
    url: '/healthz',
    config: { roles },
    schema: { tags, summary: 'Whether the agent can work', response: { 200: z.object({ status: z.literal('ok'), pid: z.number(), instances: z.number() }), ...FAILURES } },
    handler: async () => ({ status: 'ok' as const, pid: process.pid, instances: services.index.list().length }),
  });

  app.route({
    method: 'GET',
    url: '/metrics',
    config: { roles },
    schema: { tags, summary: 'Figures, in the form of OpenMetrics', produces: ['application/openmetrics-text'], response: { 200: z.string(), ...FAILURES } },
    handler: async (_request, reply) => reply.type(services.metrics.contentType).send(Buffer.from(await services.metrics.text()) as never),
  });
};
