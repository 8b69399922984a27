import { z } from 'zod';
import { headErrors } from '../../errors.ts';
import type { App } from '../../http/app.ts';
import { paramsOf, uuidParam } from '../../http/params.ts';
import { askerOf } from '../../http/roles.ts';
import type { WireObject } from '../../services.ts';
import type { OpenServers } from '../open-servers.ts';
import { runNow, startTask } from './task-calls.ts';

/** What CNAPI does to an instance by its last path segment, and the agent's task for it (§1.4). */
const ACTIONS = { start: 'machine_boot', stop: 'machine_shutdown', reboot: 'machine_reboot', update: 'machine_update' } as const;

const createSchema = z.looseObject({
  uuid: uuidParam,
  image_uuid: uuidParam.optional(),
  disks: z.array(z.looseObject({ image_uuid: uuidParam.optional() })).optional(),
});

/** CNAPI's instances of one server: straight to its agent, without VMAPI's checks and jobs. */
export function serverVmRoutes(app: App, servers: OpenServers): void {
  const params = z.object({ uuid: uuidParam });
  const vmParams = z.object({ uuid: uuidParam, vm: uuidParam });

  app.get('/servers/:uuid/vms', { schema: { params } }, async ({ params: { uuid } }) => {
    const server = await servers.get(uuid);
    if (!server) throw headErrors.ServerNotFound({ server: uuid });
    return Object.values(server.vms);
  });
  app.post('/servers/:uuid/vms', { schema: { params } }, async (request) => {
    const payload = paramsOf(request, createSchema);
    if (payload.image_uuid === undefined && payload.disks?.[0]?.image_uuid === undefined) throw headErrors.MissingParameter({ parameter: 'image_uuid' });
    return await startTask(servers, request.params.uuid, { task: 'machine_create', params: payload, asker: askerOf(request) });
  });
  app.get('/servers/:uuid/vms/:vm', { schema: { params: vmParams } }, async (request) => {
    const { uuid, vm } = request.params;
    return await runNow(servers, uuid, { task: 'machine_load', params: { uuid: vm }, asker: askerOf(request), timeoutSeconds: 60 });
  });
  app.get('/servers/:uuid/vms/:vm/info', { schema: { params: vmParams } }, async (request) => {
    const { uuid, vm } = request.params;
    return await runNow(servers, uuid, { task: 'machine_info', params: { uuid: vm }, asker: askerOf(request), timeoutSeconds: 60 });
  });
  for (const [action, task] of Object.entries(ACTIONS)) {
    app.post(`/servers/:uuid/vms/:vm/${action}`, { schema: { params: vmParams } }, async (request) => {
      const { uuid, vm } = request.params;
      return await startTask(servers, uuid, { task, params: { ...(request.body as WireObject | undefined), uuid: vm }, asker: askerOf(request) });
    });
  }
  app.delete('/servers/:uuid/vms/:vm', { schema: { params: vmParams } }, async (request) => {
    const { uuid, vm } = request.params;
    return await startTask(servers, uuid, { task: 'machine_destroy', params: { uuid: vm }, asker: askerOf(request) });
  });
}
