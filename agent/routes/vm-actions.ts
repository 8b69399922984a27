import { z } from 'zod';
import type { StartOptions } from '../../vmadm/engine.ts';
import { answerWith } from '../server/perform.ts';
import type { RoutePlugin } from './route.ts';
import { ENGINE_ROLES, FAILURES, nothing, PAYLOAD_BYTES, payloadSchema, vmParams } from './schemas.ts';
import { payloadOf } from './vms.ts';

const roles = ENGINE_ROLES;
const tags = ['vms'];
const already = z.enum(['done', 'already']);
const planned = z.object({ plan: z.looseObject({ operation: z.string(), verb: z.string(), target: z.string() }), lines: z.array(z.string()) });

/** What can be done to an instance besides changing its properties. */
export const vmActionRoutes: RoutePlugin = (app, services) => {
  app.route({
    method: 'POST',
    url: '/vms/:uuid/start',
    config: { roles },
    schema: {
      tags,
      summary: 'Boot an instance',
      params: vmParams,
      body: z.object({
        order: z.string().max(64).optional(),
        extra: z.array(z.object({ path: z.string().max(4096), model: z.string().max(64), media: z.enum(['disk', 'cdrom']) })).max(64).optional(),
      }),
      response: { 200: already, ...FAILURES },
    },
    handler: (request, reply) => {
      const { uuid } = request.params;
      const options: StartOptions = request.body;
      return answerWith(services, { request, reply }, { verb: 'start', target: uuid, perform: async ({ engine }) => (await engine()).start(uuid, options) });
    },
  });

  app.route({
    method: 'POST',
    url: '/vms/:uuid/stop',
    config: { roles },
    schema: {
      tags,
      summary: 'Shut an instance down',
      params: vmParams,
      body: z.object({ force: z.boolean().optional(), timeout: z.number().nonnegative().optional() }),
      response: { 200: z.object({ was: z.string(), outcome: already }), ...FAILURES },
    },
    handler: (request, reply) => {
      const { uuid } = request.params;
      const { force, timeout } = request.body;
      const options = { ...(force !== undefined && { force }), ...(timeout !== undefined && { timeout }) };
      return answerWith(services, { request, reply }, { verb: 'stop', target: uuid, perform: async ({ engine }) => (await engine()).stop(uuid, options) });
    },
  });

  app.route({
    method: 'POST',
    url: '/vms/:uuid/reboot',
    config: { roles },
    schema: { tags, summary: 'Boot a running instance again', params: vmParams, body: z.object({ force: z.boolean().optional() }), response: { 200: nothing, ...FAILURES } },
    handler: (request, reply) => {
      const { uuid } = request.params;
      const { force } = request.body;
      return answerWith(services, { request, reply }, { verb: 'reboot', target: uuid, perform: async ({ engine }) => ((await (await engine()).reboot(uuid, force === undefined ? {} : { force })), null) });
    },
  });

  app.route({
    method: 'POST',
    url: '/vms/:uuid/kill',
    config: { roles },
    schema: { tags, summary: "Send a signal to an instance's init", params: vmParams, body: z.object({ signal: z.string().max(256) }), response: { 200: z.object({ signal: z.string() }), ...FAILURES } },
    handler: async ({ params: { uuid }, body, id }) => ({ signal: await (await services.openEngine({ requestId: id })).kill(uuid, body.signal) }),
  });

  app.route({
    method: 'POST',
    url: '/vms/:uuid/sysrq',
    config: { roles },
    schema: { tags, summary: 'Send a machine an NMI, or have it take a picture of its screen', params: vmParams, body: z.object({ type: z.enum(['nmi', 'screenshot']) }), response: { 200: nothing, ...FAILURES } },
    handler: async ({ params: { uuid }, body, id }) => {
      await (await services.openEngine({ requestId: id })).sysrq(uuid, body.type);
      return null;
    },
  });

  app.route({
    method: 'GET',
    url: '/vms/:uuid/info',
    config: { roles },
    schema: {
      tags,
      summary: 'What a running machine reports',
      params: vmParams,
      querystring: z.object({ types: z.string().max(1024).default('').meta({ description: 'kinds of information, with commas between' }) }),
      response: { 200: z.record(z.string(), z.unknown()), ...FAILURES },
    },
    handler: async ({ params: { uuid }, query: { types }, id }) => ({ ...(await (await services.openEngine({ requestId: id })).info(uuid, types === '' ? [] : types.split(','))) }),
  });

  app.route({
    method: 'GET',
    url: '/vms/:uuid/console',
    config: { roles: ['local'] },
    schema: { tags, summary: "The command that connects a terminal of this node to an instance's console", params: vmParams, response: { 200: z.object({ command: z.array(z.string()) }), ...FAILURES } },
    handler: async ({ params: { uuid }, id }) => ({ command: [...(await (await services.openEngine({ requestId: id })).consoleCommand(uuid))] }),
  });

  app.route({
    method: 'POST',
    url: '/plans/create',
    bodyLimit: PAYLOAD_BYTES,
    config: { roles },
    schema: { tags, summary: 'What a create would do; nothing is changed', body: payloadSchema, response: { 200: planned, ...FAILURES } },
    handler: async ({ body, id }) => plain(await (await services.openEngine({ requestId: id })).planCreate(payloadOf(body))),
  });

  app.route({
    method: 'POST',
    url: '/plans/update/:uuid',
    bodyLimit: PAYLOAD_BYTES,
    config: { roles },
    schema: { tags, summary: 'What an update would do; nothing is changed', params: vmParams, body: payloadSchema, response: { 200: planned, ...FAILURES } },
    handler: async ({ params: { uuid }, body, id }) => plain(await (await services.openEngine({ requestId: id })).planUpdate(uuid, payloadOf(body))),
  });

  app.route({
    method: 'POST',
    url: '/validations/:action/:brand',
    bodyLimit: PAYLOAD_BYTES,
    config: { roles },
    schema: {
      tags,
      summary: 'Check a payload against the rules and this node; nothing is changed',
      params: z.object({ action: z.enum(['create', 'update']), brand: z.string().max(64) }),
      body: payloadSchema,
      response: { 200: z.unknown(), ...FAILURES },
    },
    handler: async ({ params: { action, brand }, body, id }) => (await services.openEngine({ requestId: id })).validate(action, brand as never, payloadOf(body)),
  });
};

/** A plan is JSON already, only typed more narrowly than its description. */
function plain<Value>(planned: Value): never {
  return planned as never;
}
