import { z } from 'zod';
import { authorizedKeySchema, fingerprintSchema, passwordHashSchema, POOL_LAYOUTS, setupEventSchema, setupParametersSchema } from '../../agent/wire/index.ts';
import { headErrors } from '../errors.ts';
import type { App } from '../http/app.ts';
import { booleanParam, listParam, paramsOf, uuidParam } from '../http/params.ts';
import { askerOf } from '../http/roles.ts';
import type { OpenServers } from '../servers/open-servers.ts';
import type { Enrolment } from './open-enrolment.ts';

/** A machine with hundreds of disks says no more than this. */
const REQUEST_BYTES = 128 * 1024;

/** CNAPI's `setup` (control-plane §2.1); root's password comes as a hash, and what would be left undone is refused. */
const setupSchema = z.strictObject({
  hostname: setupParametersSchema.shape.hostname,
  disks: z.union([z.literal('all'), listParam.pipe(z.array(z.string()).min(1))]).optional(),
  layout: z.enum(POOL_LAYOUTS).optional(),
  disk_layout: z.enum(POOL_LAYOUTS).optional(),
  root_shadow: passwordHashSchema.optional(),
  authorized_keys: z.array(authorizedKeySchema).max(64).optional(),
  /** The key of the machine that is meant: 64 hex digits, or as it is shown to people. */
  fingerprint: z.union([fingerprintSchema, z.string().regex(/^[0-9a-f]{4}(-[0-9a-f]{4}){7}$/i)], { error: 'must be the fingerprint of a key' }).optional(),
  encryption_enabled: booleanParam.optional(),
  postsetup_script: z.string().optional(),
  nics: z.array(z.unknown()).optional(),
});

/** Joining by approval, and CNAPI's setup of servers. */
export function enrolRoutes(app: App, { enrolment, servers }: { readonly enrolment: Enrolment; readonly servers: Pick<OpenServers, 'get'> }): void {
  const params = z.object({ uuid: uuidParam });

  app.post('/join-requests', { config: { anonymous: true, often: true }, bodyLimit: REQUEST_BYTES, onRequest: async (request) => enrolment.pace(addressOf(request)) }, async (request) => await enrolment.ask(request.body, addressOf(request)));
  app.get('/join-requests', async () => await enrolment.list());
  app.put('/servers/:uuid/setup', { schema: { params } }, async (request, reply) => {
    const { uuid } = request.params;
    const { layout, disk_layout: diskLayout, fingerprint, encryption_enabled: encrypted, postsetup_script: script, nics, ...rest } = paramsOf(request, setupSchema);
    const server = await servers.get(uuid);
    if (!server) throw headErrors.ServerNotFound({ server: uuid });
    if (server.setup && fingerprint === undefined) return reply.status(204).send();
    for (const [name, given] of Object.entries({ encryption_enabled: encrypted === true, postsetup_script: script !== undefined, nics: nics !== undefined })) if (given) throw headErrors.NotSupported({ what: `setup with ${name}` });
    const setup = Object.fromEntries(Object.entries({ ...rest, layout: layout ?? diskLayout }).filter(([, value]) => value !== undefined));
    return reply.status(202).send(await enrolment.setUp(uuid, { setup, fingerprint }, askerOf(request)));
  });
  app.post('/servers/:uuid/events/setup', { config: { node: 'own', often: true }, bodyLimit: REQUEST_BYTES, schema: { params, body: setupEventSchema } }, async ({ params: { uuid }, body }, reply) => {
    await enrolment.told(uuid, body);
    return reply.status(204).send();
  });
}

/** One that comes through the head's own socket has none. */
function addressOf({ ip }: { readonly ip?: string }): string {
  return ip ?? 'this host';
}
