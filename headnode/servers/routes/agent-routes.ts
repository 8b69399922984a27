import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { agentsSchema, heartbeatSchema, registerSchema, statusSchema, vmSchema, vmsSchema, type HeadAnswer } from '../../../agent/wire/index.ts';
import { headErrors } from '../../errors.ts';
import type { App } from '../../http/app.ts';
import { uuidParam } from '../../http/params.ts';
import type { OpenServers } from '../open-servers.ts';

/** A node with a thousand instances says much. */
const REPORT_BYTES = 32 * 1024 * 1024;

/** What agents send (control-plane §1.5, §1.7). A node's certificate speaks for that node alone. */
export function agentRoutes(app: App, { hearing, cache }: OpenServers): void {
  const own = { config: { node: 'own', often: true }, bodyLimit: REPORT_BYTES } as const;
  const params = z.object({ uuid: uuidParam });

  app.post('/servers/:uuid/sysinfo', { ...own, schema: { params, body: registerSchema } }, async ({ params: { uuid }, body }) => await hearing.register(uuid, body));
  app.post('/servers/:uuid/events/heartbeat', { ...own, schema: { params, body: heartbeatSchema.nullish() } }, async ({ params: { uuid }, body }, reply) => send(reply, await hearing.heartbeat(uuid, body ?? {})));
  app.post('/servers/:uuid/events/status', { ...own, schema: { params, body: statusSchema } }, async ({ params: { uuid }, body }, reply) => send(reply, await hearing.status(uuid, body)));
  app.put('/vms', { ...own, schema: { querystring: z.looseObject({ server_uuid: uuidParam }), body: vmsSchema } }, async ({ query, body }, reply) => send(reply, await hearing.allVms(query.server_uuid, body.vms)));
  app.put('/vms/:vm', { config: { node: 'any', often: true }, schema: { params: z.object({ vm: uuidParam }), querystring: z.looseObject({ server_uuid: uuidParam.optional() }), body: vmSchema } }, async ({ params: { vm }, query, body, role }, reply) => {
    if (body.uuid !== vm) throw headErrors.InvalidArgument({ reason: `the body is of VM ${body.uuid}, not of ${vm}` });
    const named = query.server_uuid ?? (typeof body['server_uuid'] === 'string' ? body['server_uuid'] : undefined);
    if (role.kind === 'node' && named !== undefined && named !== role.uuid) throw headErrors.NotAuthorized({ reason: `the certificate is for server ${role.uuid}` });
    const server = role.kind === 'node' ? role.uuid : (named ?? (await serverOf(vm)));
    if (server === undefined) throw headErrors.MissingParameter({ parameter: 'server_uuid' });
    return send(reply, await hearing.oneVm(server, body));
  });

  async function serverOf(vm: string): Promise<string | undefined> {
    return (await cache.list()).find(({ vms }) => vm in vms)?.uuid;
  }
}

/** What an agent may change of its server by `POST /servers/:uuid`. */
export const agentChangeSchema = agentsSchema.pick({ agents: true });

/** Genuine agents expect 204; one of ours reads what there is to say. */
function send(reply: FastifyReply, answer: HeadAnswer): FastifyReply {
  return Object.keys(answer).length === 0 ? reply.status(204).send() : reply.send(answer);
}
