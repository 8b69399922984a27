/** Tags and metadata of a VM (control-plane §3.1). */
import { z } from 'zod';
import { headErrors } from '../errors.ts';
import type { App } from '../http/app.ts';
import { askerOf } from '../http/roles.ts';
import type { Vm, Vms, WireObject } from '../services.ts';
import { answerJob, forOwner, requireObject, vmParams, type VmRoutes } from './requests.ts';

type MapName = Parameters<Vms['changeMap']>[1];

const MAPS: readonly MapName[] = ['tags', 'customer_metadata', 'internal_metadata'];
const keyParams = vmParams.extend({ key: z.string().min(1).max(256) });
const HOW = { POST: 'merge', PUT: 'replace' } as const;

export function routeVmMaps(app: App, services: VmRoutes): void {
  for (const map of MAPS) routeMap(app, services, map);
}

function routeMap(app: App, services: VmRoutes, map: MapName): void {
  const { vms } = services;
  const url = `/vms/:vm/${map}`;

  app.get(url, { schema: { params: vmParams } }, async (request) => mapOf(await vms.require(request.params.vm, ownerOf(request.query)), map));

  app.get(`${url}/:key`, { schema: { params: keyParams } }, async (request, reply) => {
    const values = mapOf(await vms.require(request.params.vm, ownerOf(request.query)), map);
    const { key } = request.params;
    if (!Object.hasOwn(values, key)) throw headErrors.ResourceNotFound({ what: `${map} ${key}` });
    return reply.type('application/json').send(JSON.stringify(values[key]));
  });

  for (const method of ['POST', 'PUT'] as const) {
    app.route({
      method,
      url,
      schema: { params: vmParams },
      async handler(request, reply) {
        const { vm: uuid } = request.params as z.output<typeof vmParams>;
        const sync = await forOwner(vms, request, uuid);
        const started = await vms.changeMap(uuid, map, { how: HOW[method], values: requireObject(request.body) }, askerOf(request));
        return await answerJob(request, reply, { services, sync, started });
      },
    });
  }

  app.delete(url, { schema: { params: vmParams } }, async (request, reply) => {
    const { vm: uuid } = request.params;
    const sync = await forOwner(vms, request, uuid);
    return await answerJob(request, reply, { services, sync, started: await vms.changeMap(uuid, map, { how: 'remove' }, askerOf(request)) });
  });

  app.delete(`${url}/:key`, { schema: { params: keyParams } }, async (request, reply) => {
    const { vm: uuid, key } = request.params;
    const sync = await forOwner(vms, request, uuid);
    if (!Object.hasOwn(mapOf(await vms.require(uuid), map), key)) throw headErrors.ResourceNotFound({ what: `${map} ${key}` });
    return await answerJob(request, reply, { services, sync, started: await vms.changeMap(uuid, map, { how: 'remove', key }, askerOf(request)) });
  });
}

function ownerOf(query: unknown): string | undefined {
  const { owner_uuid: owner } = query as { readonly owner_uuid?: string };
  return owner;
}

function mapOf(vm: Vm, map: MapName): WireObject {
  return (vm[map] ?? {}) as WireObject;
}
