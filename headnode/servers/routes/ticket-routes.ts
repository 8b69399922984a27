import { z } from 'zod';
import { headErrors } from '../../errors.ts';
import type { App } from '../../http/app.ts';
import { booleanParam, limitParam, offsetParam, paramsOf, uuidParam } from '../../http/params.ts';
import type { OpenServers } from '../open-servers.ts';

const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;
const ticketSchema = z.looseObject({
  scope: z.string().min(1).max(256),
  id: z.string().min(1).max(256),
  action: z.string().max(256).default(''),
  reqid: z.string().max(256).optional(),
  extra: z.record(z.string(), z.unknown()).default({}),
  expires_at: z.iso.datetime({ offset: true }).transform((text) => new Date(text)).optional(),
});

/** CNAPI's waitlist tickets (control-plane §2.6). */
export function ticketRoutes(app: App, servers: OpenServers): void {
  const { tickets } = servers;
  const ofServer = z.object({ uuid: z.union([z.literal('default'), uuidParam], { error: 'must be "default" or a server uuid' }) });
  const ofTicket = z.object({ uuid: uuidParam });
  const check = async (uuid: string): Promise<void> => {
    if (uuid !== 'default' && !(await servers.get(uuid))) throw headErrors.ServerNotFound({ server: uuid });
  };

  app.post('/servers/:uuid/tickets', { schema: { params: ofServer } }, async (request, reply) => {
    await check(request.params.uuid);
    const { expires_at = new Date(Date.now() + DAY_MILLISECONDS), reqid = request.id, ...rest } = paramsOf(request, ticketSchema);
    return reply.status(202).send(await tickets.create(request.params.uuid, { ...rest, expires_at, reqid }));
  });
  app.get('/servers/:uuid/tickets', { schema: { params: ofServer, querystring: z.looseObject({ limit: limitParam.default(1000), offset: offsetParam.default(0) }) } }, async ({ params: { uuid }, query }) => {
    await check(uuid);
    return await tickets.list(uuid, query);
  });
  app.delete('/servers/:uuid/tickets', { schema: { params: ofServer } }, async (request, reply) => {
    const { force } = paramsOf(request, z.looseObject({ force: booleanParam.default(false) }));
    if (!force) throw headErrors.InvalidArgument({ reason: 'all tickets of a server are deleted with force=true only' });
    await check(request.params.uuid);
    await tickets.removeAll(request.params.uuid);
    return reply.status(204).send();
  });
  app.get('/tickets/:uuid', { schema: { params: ofTicket } }, async ({ params: { uuid } }) => await tickets.get(uuid));
  app.delete('/tickets/:uuid', { schema: { params: ofTicket } }, async ({ params: { uuid } }, reply) => {
    await tickets.remove(uuid);
    return reply.status(204).send();
  });
  app.get('/tickets/:uuid/wait', { schema: { params: ofTicket } }, async (request, reply) => {
    const gone = new AbortController();
    reply.raw.on('close', () => gone.abort());
    await tickets.wait(request.params.uuid, gone.signal);
    return reply.status(204).send();
  });
  app.put('/tickets/:uuid/release', { schema: { params: ofTicket } }, async ({ params: { uuid } }, reply) => {
    await tickets.release(uuid);
    return reply.status(204).send();
  });
}
