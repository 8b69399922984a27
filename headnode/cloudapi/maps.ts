/** Tags and metadata of a machine. Changes are jobs: what is answered is what will be. */
import { z } from 'zod';
import { headErrors } from '../errors.ts';
import type { App } from '../http/app.ts';
import { askerOf } from '../http/roles.ts';
import type { WireObject } from '../services.ts';
import { findLivingMachine, findMachine, machineSchema } from './find-machine.ts';
import type { CloudApiServices } from './routes.ts';

const valueSchema = machineSchema.extend({ key: z.string() });
const valuesSchema = z.record(z.string().min(1).max(256), z.union([z.string(), z.number(), z.boolean()]));

export function routeMaps(app: App, services: CloudApiServices): void {
  routeMap(app, services, { path: 'tags', map: 'tags' });
  routeMap(app, services, { path: 'metadata', map: 'customer_metadata' });
}

function routeMap(app: App, { vms }: CloudApiServices, { path, map }: { readonly path: string; readonly map: 'tags' | 'customer_metadata' }): void {
  const all = `/:account/machines/:machine/${path}`;

  app.get(all, { schema: { params: machineSchema } }, async (request) => valuesOf(await findMachine(vms, request), map));

  app.post(all, { schema: { params: machineSchema, body: valuesSchema } }, async (request) => {
    const vm = await findLivingMachine(vms, request);
    await vms.changeMap(vm.uuid, map, { how: 'merge', values: request.body }, askerOf(request));
    return { ...valuesOf(vm, map), ...request.body };
  });

  app.put(all, { schema: { params: machineSchema, body: valuesSchema } }, async (request) => {
    const { uuid } = await findLivingMachine(vms, request);
    await vms.changeMap(uuid, map, { how: 'replace', values: request.body }, askerOf(request));
    return request.body;
  });

  app.delete(all, { schema: { params: machineSchema } }, async (request, reply) => {
    const { uuid } = await findLivingMachine(vms, request);
    await vms.changeMap(uuid, map, { how: 'remove' }, askerOf(request));
    return reply.status(204).send();
  });

  app.get(`${all}/:key`, { schema: { params: valueSchema } }, async (request, reply) => {
    const values = valuesOf(await findMachine(vms, request), map);
    const { key } = request.params;
    if (!Object.hasOwn(values, key)) throw notFound(path, key);
    return reply.type('application/json').send(JSON.stringify(values[key]));
  });

  app.delete(`${all}/:key`, { schema: { params: valueSchema } }, async (request, reply) => {
    const vm = await findLivingMachine(vms, request);
    const { key } = request.params;
    if (!Object.hasOwn(valuesOf(vm, map), key)) throw notFound(path, key);
    await vms.changeMap(vm.uuid, map, { how: 'remove', key }, askerOf(request));
    return reply.status(204).send();
  });
}

function valuesOf(vm: WireObject, map: string): WireObject {
  return (vm[map] ?? {}) as WireObject;
}

function notFound(path: string, key: string): Error {
  return headErrors.ResourceNotFound({ what: `${path === 'tags' ? 'tag' : 'metadata'} ${key}` });
}
