/** VMAPI's paths on the internal app (control-plane §3.1): VMs and their actions. What nodes tell of them comes to servers/. */
import { z } from 'zod';
import { headErrors } from '../errors.ts';
import type { App } from '../http/app.ts';
import { booleanParam, listParam, paramsOf, uuidParam } from '../http/params.ts';
import { askerOf } from '../http/roles.ts';
import type { WireObject } from '../services.ts';
import { answerJob, forOwner, onlyFields, requireObject, vmParams, type VmRoutes } from './requests.ts';
import { routeVmLists } from './routes-list.ts';
import { routeVmMaps } from './routes-maps.ts';

const getSchema = z.looseObject({ owner_uuid: uuidParam.optional(), fields: listParam.optional(), sync: booleanParam.optional() });

/** A payload with metadata: keys, scripts. */
const CREATE_BYTES = 4 * 1024 * 1024;

/** Register them. */
export function routeVms(app: App, services: VmRoutes): void {
  const { vms } = services;
  routeVmLists(app, vms);
  routeVmMaps(app, services);

  app.route({
    method: ['GET', 'HEAD'],
    url: '/vms/:vm',
    schema: { params: vmParams },
    config: { often: true },
    async handler(request) {
      const { vm: uuid } = request.params as z.output<typeof vmParams>;
      const { owner_uuid: ownerUuid, fields, sync } = paramsOf(request, getSchema);
      const vm = await vms.get(uuid, { ownerUuid, ...(sync !== undefined && { sync }) });
      if (!vm) throw headErrors.ResourceNotFound({ what: `VM ${uuid}` });
      return onlyFields(vm, fields);
    },
  });

  app.post('/vms', { bodyLimit: CREATE_BYTES }, async (request, reply) => {
    const { sync } = z.looseObject({ sync: booleanParam.optional() }).parse(request.query);
    return await answerJob(request, reply, { services, sync, started: await vms.create(requireObject(request.body), askerOf(request)) });
  });

  app.post('/vms/:vm', { schema: { params: vmParams }, bodyLimit: CREATE_BYTES }, async (request, reply) => {
    const { vm: uuid } = request.params;
    const { action, ...params } = { ...(request.query as WireObject), ...requireObject(request.body) };
    const sync = await forOwner(vms, request, uuid);
    if (typeof action !== 'string') throw headErrors.MissingParameter({ parameter: 'action' });
    return await answerJob(request, reply, { services, sync, started: await vms.act(uuid, action, params, askerOf(request)) });
  });

  app.delete('/vms/:vm', { schema: { params: vmParams } }, async (request, reply) => {
    const { vm: uuid } = request.params;
    const sync = await forOwner(vms, request, uuid);
    return await answerJob(request, reply, { services, sync, started: await vms.destroy(uuid, askerOf(request)) });
  });
}
