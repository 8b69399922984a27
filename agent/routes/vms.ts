import { z } from 'zod';
import type { Payload, VmObject } from '../../vmadm/engine.ts';
import { vmErrors } from '../../vmadm/errors.ts';
import { answerWith } from '../server/perform.ts';
import type { RoutePlugin } from './route.ts';
import { ENGINE_ROLES, FAILURES, nothing, PAYLOAD_BYTES, payloadSchema, vmParams, vmSchema } from './schemas.ts';

const roles = ENGINE_ROLES;
const tags = ['vms'];

/** Instances: list, look at, create, change, delete. */
export const vmRoutes: RoutePlugin = (app, services) => {
  const listed = newListCache();

  app.route({
    method: 'GET',
    url: '/vms',
    config: { roles },
    schema: {
      tags,
      summary: 'All instances, oldest first',
      querystring: z.object({ fields: z.string().max(8192).optional().meta({ description: 'only these properties, and those that every instance has: names, with commas between' }) }),
      response: { 200: z.array(vmSchema), ...FAILURES },
    },
    async handler({ query: { fields } }, reply) {
      await services.index.settled();
      return reply.type('application/json').send(listed(services.index.list(), fields) as never);
    },
  });

  app.route({
    method: 'GET',
    url: '/vms/:uuid',
    config: { roles },
    schema: { tags, summary: 'One instance', params: vmParams, response: { 200: vmSchema, ...FAILURES } },
    handler: async ({ params: { uuid }, id }) => (await services.openEngine({ requestId: id })).get(uuid),
  });

  app.route({
    method: 'POST',
    url: '/vms',
    bodyLimit: PAYLOAD_BYTES,
    config: { roles },
    schema: { tags, summary: 'Create an instance, and boot it unless autoboot is false', body: payloadSchema, response: { 200: z.object({ uuid: z.string() }), ...FAILURES } },
    handler: (request, reply) =>
      answerWith(services, { request, reply }, { verb: 'create', perform: async ({ engine }) => ({ uuid: await (await engine()).create(payloadOf(request.body)) }) }),
  });

  app.route({
    method: 'PATCH',
    url: '/vms/:uuid',
    bodyLimit: PAYLOAD_BYTES,
    config: { roles },
    schema: {
      tags,
      summary: 'Change properties of an instance',
      params: vmParams,
      body: payloadSchema,
      response: { 200: z.object({ pending: z.array(z.string()).readonly(), warnings: z.array(z.string()).readonly() }), ...FAILURES },
    },
    handler: (request, reply) => {
      const { uuid } = request.params;
      return answerWith(services, { request, reply }, { verb: 'update', target: uuid, perform: async ({ engine }) => (await engine()).update(uuid, payloadOf(request.body)) });
    },
  });

  app.route({
    method: 'DELETE',
    url: '/vms/:uuid',
    config: { roles },
    schema: { tags, summary: 'Stop an instance by force and remove all of it', params: vmParams, response: { 200: nothing, ...FAILURES } },
    handler: (request, reply) => {
      const { uuid } = request.params;
      return answerWith(services, { request, reply }, { verb: 'delete', target: uuid, perform: async ({ engine }) => ((await (await engine()).delete(uuid)), null) });
    },
  });
};

/** @throws PayloadNotObject */
export function payloadOf(body: unknown): Payload {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw vmErrors.PayloadNotObject();
  return body as Payload;
}

/** Properties that every listed instance has. */
const ALWAYS = ['uuid', 'brand', 'state', 'zone_state', 'hvm'];

/**
 * Lists as text. An instance that has not changed has the same text again, so that a long list costs little more than a
 * short one; only the last choice of fields is kept.
 */
function newListCache(): (vms: readonly VmObject[], fields: string | undefined) => Buffer {
  let kept = new WeakMap<VmObject, string>();
  let keptFields: string | undefined;
  return (vms, fields) => {
    if (fields !== keptFields) [kept, keptFields] = [new WeakMap(), fields];
    const names = fields === undefined ? undefined : new Set([...ALWAYS, ...fields.split(',')]);
    const texts = vms.map((vm) => {
      const known = kept.get(vm);
      if (known !== undefined) return known;
      const text = JSON.stringify(names ? Object.fromEntries(Object.entries(vm).filter(([name]) => names.has(name))) : vm);
      kept.set(vm, text);
      return text;
    });
    return Buffer.from(`[${texts.join(',')}]`);
  };
}
