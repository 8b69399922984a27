import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { headErrors } from '../../errors.ts';
import type { App } from '../../http/app.ts';
import { booleanParam, limitParam, listParam, offsetParam, paramsOf, uuidParam } from '../../http/params.ts';
import { askerOf } from '../../http/roles.ts';
import type { Server, WireObject } from '../../services.ts';
import type { OpenServers } from '../open-servers.ts';
import { agentChangeSchema } from './agent-routes.ts';
import { runNow, startTask } from './task-calls.ts';

const EXTRAS = ['agents', 'vms', 'memory', 'disk', 'sysinfo', 'capacity', 'all', 'last_heartbeat'] as const;

/** Parameters that CNAPI does not know are refused. */
const listSchema = z.strictObject({
  uuids: listParam.optional(),
  setup: booleanParam.optional(),
  headnode: booleanParam.optional(),
  reserved: booleanParam.optional(),
  reservoir: booleanParam.optional(),
  hostname: z.string().optional(),
  extras: listParam.pipe(z.array(z.enum(EXTRAS))).optional(),
  fields: listParam.optional(),
  limit: limitParam.default(1000),
  offset: offsetParam.default(0),
});

const traitSchema = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]));
const ratiosSchema = z.partialRecord(z.enum(['cpu', 'ram', 'disk', 'io', 'net']), z.union([z.number(), z.string().regex(/^\d+(\.\d+)?$/).transform(Number)]));
const changeSchema = z.strictObject({
  ...agentChangeSchema.partial().shape,
  boot_params: z.record(z.string(), z.unknown()).optional(),
  boot_platform: z.string().optional(),
  comments: z.string().max(4096).optional(),
  datacenter: z.string().max(256).optional(),
  default_console: z.enum(['serial', 'vga']).optional(),
  next_reboot: z.string().optional(),
  nics: z.array(z.looseObject({ mac: z.string() })).optional(),
  overprovision_ratios: ratiosSchema.optional(),
  rack_identifier: z.string().max(256).optional(),
  reservation_ratio: z.number().min(0).max(1).optional(),
  reserved: booleanParam.optional(),
  reservoir: booleanParam.optional(),
  serial: z.string().max(64).optional(),
  setting_up: booleanParam.optional(),
  setup: booleanParam.optional(),
  traits: traitSchema.optional(),
  transitional_status: z.string().max(64).optional(),
  etag_retries: z.number().optional(),
});

/** CNAPI's servers (control-plane §2.1, §2.2). */
export function serverRoutes(app: App, servers: OpenServers, options: { platforms(): Promise<WireObject>; setBootPlatform(uuid: string, platform: string): Promise<void>; /** Turn away whoever has a server's certificate. */ revoke(uuid: string): Promise<unknown> }): void {
  const params = z.object({ uuid: uuidParam });
  const existing = async (uuid: string): Promise<Server> => {
    const server = await servers.get(uuid);
    if (!server) throw headErrors.ServerNotFound({ server: uuid });
    return heard(server);
  };
  const heard = (server: Server): Server => ({ ...server, last_heartbeat: servers.liveness.lastHeard(server.uuid)?.toISOString() ?? server['last_heartbeat'] });

  app.get('/servers', { schema: { querystring: listSchema } }, async ({ query }) => {
    const { limit, offset, extras = [], fields } = query;
    const found = (await servers.list()).filter((server) => matches(server, query)).toSorted((one, other) => (one.uuid < other.uuid ? -1 : 1));
    return found.slice(offset, offset + limit).map((server) => shown(heard(server), { extras, fields }));
  });
  app.get('/servers/:uuid', { schema: { params, querystring: z.looseObject({ fields: listParam.optional() }) } }, async ({ params: { uuid }, query }) => {
    const server = await existing(uuid);
    return query.fields ? shown(server, { extras: ['all'], fields: query.fields }) : server;
  });
  app.post('/servers/:uuid', { config: { node: 'own' }, schema: { params } }, async (request, reply) => {
    const { uuid } = request.params;
    const { boot_platform: platform, ...change } = paramsOf(request, request.role.kind === 'node' ? agentChangeSchema : changeSchema) as z.output<typeof changeSchema>;
    const { setup, reserved, reservoir, transitional_status, etag_retries: _ignored, ...record } = change;
    const columns = Object.fromEntries(Object.entries({ setup, reserved, reservoir, transitional_status }).filter(([, value]) => value !== undefined));
    if (platform !== undefined) {
      if (!Object.hasOwn(await options.platforms(), platform)) throw headErrors.InvalidArgument({ reason: `there is no platform image ${JSON.stringify(platform)}` });
      await existing(uuid);
      await options.setBootPlatform(uuid, platform);
    }
    await servers.update(uuid, { columns, record: { ...record, ...(platform === undefined ? {} : { boot_platform: platform }) } });
    return reply.status(204).send();
  });
  app.delete('/servers/:uuid', { schema: { params } }, async ({ params: { uuid } }, reply) => {
    await servers.remove(uuid);
    return reply.status(204).send();
  });
  app.put('/servers/:uuid/nics', { schema: { params } }, async (request, reply) => {
    const { uuid } = request.params;
    const { action, nics } = paramsOf(request, z.object({ action: z.enum(['update', 'replace', 'delete']), nics: z.array(z.looseObject({ mac: z.string().regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i, { error: 'must be a MAC address' }) })).max(64) }));
    const known = ((await existing(uuid))['nics'] ?? []) as ReadonlyArray<{ readonly mac: string }>;
    const macs = new Set(nics.map(({ mac }) => mac));
    const rest = known.filter(({ mac }) => !macs.has(mac));
    const next = { update: [...rest, ...nics.map((nic) => ({ ...known.find(({ mac }) => mac === nic.mac), ...nic }))], replace: nics, delete: rest }[action];
    await servers.update(uuid, { columns: {}, record: { nics: next } });
    return reply.status(204).send();
  });
  app.post('/servers/:uuid/execute', { schema: { params } }, async (request) => {
    const { script, args, env, timeout, json } = paramsOf(request, executeSchema);
    const result = await runNow(servers, request.params.uuid, { task: 'command_execute', params: { script, args, env, ...(timeout === undefined ? {} : { timeout }) }, asker: askerOf(request), timeoutSeconds: timeout === undefined ? 3600 : Math.ceil(timeout / 1000) + 30 });
    return json ? jsonIn(result['stdout']) : result;
  });
  app.post('/servers/:uuid/sysinfo-refresh', { schema: { params } }, async (request) => {
    const { uuid } = request.params;
    const { sysinfo } = await runNow(servers, uuid, { task: 'server_sysinfo', params: {}, asker: askerOf(request), timeoutSeconds: 60 });
    return { sysinfo };
  });
  app.post('/servers/:uuid/ensure-image', { schema: { params } }, async (request) => {
    const image = paramsOf(request, z.looseObject({ image_uuid: uuidParam }));
    return await startTask(servers, request.params.uuid, { task: 'image_ensure_present', params: image, asker: askerOf(request) });
  });
  app.post('/servers/:uuid/nop', { schema: { params } }, async (request) => await startTask(servers, request.params.uuid, { task: 'nop', params: request.body as WireObject, asker: askerOf(request) }));
  app.post('/servers/:uuid/reboot', { schema: { params } }, async (request, reply) => {
    const { uuid } = request.params;
    const { id } = await startTask(servers, uuid, { task: 'server_reboot', params: {}, asker: askerOf(request) });
    // Only a node that is about to go is on its way.
    void whenTaken(request, id, () => servers.update(uuid, { columns: { transitional_status: 'rebooting' }, record: {} }));
    return reply.status(202).send({ id, job_uuid: id });
  });
  app.put('/servers/:uuid/factory-reset', { schema: { params } }, async (request, reply) => {
    const { uuid } = request.params;
    const { headnode, vms } = await existing(uuid);
    if (headnode) throw headErrors.InvalidArgument({ reason: `server ${uuid} is a head node: reset it by hand` });
    const count = Object.keys(vms).length;
    if (count > 0) throw headErrors.InvalidArgument({ reason: `server ${uuid} has ${count} VMs: delete them first` });
    const { id } = await startTask(servers, uuid, { task: 'server_factory_reset', params: {}, asker: askerOf(request) });
    // From here on it is a machine that asks, and who has its certificate is nobody.
    void whenTaken(request, id, async () => {
      await servers.update(uuid, { columns: { setup: false, transitional_status: 'rebooting' }, record: {} });
      await options.revoke(uuid);
    });
    return reply.status(202).send({ id, job_uuid: id });
  });

  async function whenTaken(request: FastifyRequest, task: string, act: () => Promise<unknown>): Promise<void> {
    try {
      if ((await servers.tasks.wait(task, 60))?.status === 'complete') await act();
    } catch (error) {
      request.log.error({ err: error }, 'after a task that ends a server');
    }
  }
}

const executeSchema = z.object({
  script: z.string().max(512 * 1024).startsWith('#!', { error: 'must begin with #!' }),
  args: z.array(z.string()).default([]),
  env: z.record(z.string(), z.string()).default({}),
  timeout: z.number().int().min(1).max(3_600_000).optional(),
  json: booleanParam.optional(),
});

function jsonIn(stdout: unknown): unknown {
  try {
    return JSON.parse(String(stdout));
  } catch (error) {
    throw headErrors.InvalidArgument({ reason: 'what the script printed is not JSON' }, { cause: error });
  }
}

function matches(server: Server, { uuids, setup, headnode, reserved, reservoir, hostname }: z.output<typeof listSchema>): boolean {
  const wanted = { setup, headnode, reserved, reservoir, hostname };
  return (!uuids || uuids.includes(server.uuid)) && Object.entries(wanted).every(([name, value]) => value === undefined || server[name] === value);
}

/** Lists are short unless more is asked for. */
function shown(server: Server, { extras, fields }: { readonly extras: ReadonlyArray<(typeof EXTRAS)[number]>; readonly fields: readonly string[] | undefined }): WireObject {
  if (fields) return Object.fromEntries(fields.filter((name) => Object.hasOwn(server, name)).map((name) => [name, server[name]]));
  if (extras.includes('all')) return server;
  return Object.fromEntries(Object.entries(server).filter(([name]) => extras.includes(extraOf(name) ?? 'all') || extraOf(name) === undefined));
}

function extraOf(name: string): (typeof EXTRAS)[number] | undefined {
  if (name === 'agents' || name === 'vms' || name === 'sysinfo' || name === 'last_heartbeat') return name;
  if (name.startsWith('memory_')) return 'memory';
  if (name.startsWith('disk_')) return 'disk';
  return name.startsWith('unreserved_') ? 'capacity' : undefined;
}
