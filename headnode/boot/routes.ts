import { z } from 'zod';
import type { Database } from '../db/database.ts';
import { headErrors } from '../errors.ts';
import type { App } from '../http/app.ts';
import { booleanParam, uuidParam } from '../http/params.ts';
import type { Servers } from '../services.ts';
import { bootParamsSchema, DEFAULT_NAME, effectiveBootParams, mergeBootParams, readBootParams, replaceBootParams } from './boot-params.ts';
import { listPlatforms } from './platforms.ts';

export interface BootRoutes {
  readonly database: Database;
  readonly servers: Pick<Servers, 'get'>;
  /** Where platform images are. */
  readonly platforms: string;
}

/** CNAPI's `/boot` and `/platforms`. */
export function bootRoutes(app: App, { database, servers, platforms }: BootRoutes): void {
  const params = z.object({ name: z.union([z.literal(DEFAULT_NAME), uuidParam], { error: 'must be "default" or a server uuid' }) });
  const check = async (name: string) => {
    const server = await servers.get(name);
    if (!server && name !== DEFAULT_NAME) throw headErrors.ServerNotFound({ server: name });
    return server;
  };
  app.get('/boot/:name', { schema: { params } }, async ({ params: { name } }) => {
    const server = await check(name);
    return server ? await effectiveBootParams(database, server) : await readBootParams(database, name);
  });
  app.put('/boot/:name', { schema: { params, body: bootParamsSchema } }, async ({ params: { name }, body }, reply) => {
    await check(name);
    await replaceBootParams(database, name, body);
    return reply.status(204).send();
  });
  app.post('/boot/:name', { schema: { params, body: bootParamsSchema } }, async ({ params: { name }, body }, reply) => {
    await check(name);
    await mergeBootParams(database, name, body);
    return reply.status(204).send();
  });
  app.get('/platforms', { schema: { querystring: z.looseObject({ os: booleanParam.optional() }) } }, async ({ query }) => await listPlatforms(platforms, { withOs: query.os ?? false }));
}
