import { z } from 'zod';
import { platformStampSchema } from '../../host/signature/manifest.ts';
import type { Database } from '../db/database.ts';
import { headErrors } from '../errors.ts';
import type { App } from '../http/app.ts';
import { booleanParam, integerParam, uuidParam } from '../http/params.ts';
import type { Servers } from '../services.ts';
import { bootParamsSchema, DEFAULT_NAME, effectiveBootParams, mergeBootParams, readBootParams, replaceBootParams } from './boot-params.ts';
import { listMachines } from './machines.ts';
import { askForRescue, askForTrial, assignPlatform, endTrial, forgetTrial } from './next-boot.ts';
import { listPlatforms } from './platforms.ts';

export interface BootRoutes {
  readonly database: Database;
  readonly servers: Pick<Servers, 'get'>;
  /** Where platform images are. */
  readonly platforms: string;
  /** The head's address on the admin network. */
  readonly address: string | undefined;
}

const SHORTEST_TRIAL_SECONDS = 60;

/** CNAPI's `/boot` and `/platforms`, and what is ours beside them: boots that happen once, and what a node says of its trial. */
export function bootRoutes(app: App, { database, servers, platforms, address }: BootRoutes): void {
  const params = z.object({ name: z.union([z.literal(DEFAULT_NAME), uuidParam], { error: 'must be "default" or a server uuid' }) });
  const own = z.object({ uuid: uuidParam });
  const check = async (name: string) => {
    const server = await servers.get(name);
    if (!server && name !== DEFAULT_NAME) throw headErrors.ServerNotFound({ server: name });
    return server;
  };
  const checkPlatform = async (platform: string): Promise<void> => {
    if (!Object.hasOwn(await listPlatforms(platforms, { withOs: false }), platform)) throw headErrors.PlatformNotFound({ platform });
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

  app.get('/boot_machines', async () => await listMachines(database, address));
  app.put('/servers/:uuid/platform', { schema: { params: own, body: z.strictObject({ platform: platformStampSchema }) } }, async ({ params: { uuid }, body: { platform } }, reply) => {
    await check(uuid);
    await checkPlatform(platform);
    await assignPlatform(database, uuid, platform);
    return reply.status(204).send();
  });
  app.put('/servers/:uuid/platform-trial', { schema: { params: own, body: z.strictObject({ platform: platformStampSchema, seconds: integerParam.pipe(z.number().min(SHORTEST_TRIAL_SECONDS).max(86_400)).optional() }) } }, async ({ params: { uuid }, body: { platform, seconds } }, reply) => {
    await check(uuid);
    await checkPlatform(platform);
    await askForTrial(database, uuid, { platform, ...(seconds === undefined ? {} : { seconds }) });
    return reply.status(204).send();
  });
  app.delete('/servers/:uuid/platform-trial', { schema: { params: own } }, async ({ params: { uuid } }, reply) => {
    await forgetTrial(database, uuid);
    return reply.status(204).send();
  });
  app.put('/servers/:uuid/boot-once', { schema: { params: own, body: z.strictObject({ how: z.enum(['rescue', 'usual']) }) } }, async ({ params: { uuid }, body: { how } }, reply) => {
    await check(uuid);
    await askForRescue(database, uuid, how === 'rescue');
    return reply.status(204).send();
  });
  app.post('/servers/:uuid/events/platform', { config: { node: 'own' }, schema: { params: own, body: trialEndSchema } }, async ({ params: { uuid }, body }, reply) => {
    const ended = await endTrial(database, uuid, body);
    app.log.info({ server_uuid: uuid, ...body, trial: ended }, 'platform');
    return reply.status(204).send();
  });
}

const trialEndSchema = z.object({ platform: platformStampSchema, outcome: z.enum(['healthy', 'failed']), reason: z.string().max(1000).optional() });
