/** PAPI's paths on the internal app. */
import { z } from 'zod';
import { headErrors } from '../errors.ts';
import type { App } from '../http/app.ts';
import { booleanParam, limitParam, offsetParam, paramsOf, uuidParam } from '../http/params.ts';
import type { Packages } from '../services.ts';

const idSchema = z.object({ uuid: uuidParam });
const listSchema = z.looseObject({ active: booleanParam.optional(), owner_uuids: uuidParam.optional(), limit: limitParam.optional(), offset: offsetParam.optional() });
const removeSchema = z.object({ force: booleanParam.optional() });

/** Register them. */
export function packageRoutes(app: App, packages: Packages): void {
  app.get('/packages', async (request, reply) => {
    const { active, owner_uuids: ownerUuid, limit, offset, sort, order, fields, ...match } = paramsOf(request, listSchema);
    const found = await packages.list({ ...(active === undefined ? {} : { active }), ...(limit === undefined ? {} : { limit }), ...(offset === undefined ? {} : { offset }), ownerUuid, match });
    return reply.header('x-resource-count', found.total).send(found.packages);
  });

  app.get('/packages/:uuid', { schema: { params: idSchema } }, async ({ params }) => {
    const found = await packages.get(params.uuid);
    if (!found) throw notFound(params.uuid);
    return found;
  });

  app.post('/packages', { config: { invalid: 'InvalidArgument' } }, async (request, reply) => {
    const made = await packages.create(paramsOf(request, z.looseObject({})));
    return reply.status(201).header('location', `/packages/${made.uuid}`).send(made);
  });

  app.put('/packages/:uuid', { schema: { params: idSchema }, config: { invalid: 'InvalidArgument' } }, async (request) => {
    return await packages.update(request.params.uuid, paramsOf(request, z.looseObject({})));
  });

  app.delete('/packages/:uuid', { schema: { params: idSchema } }, async (request, reply) => {
    const { force } = paramsOf(request, removeSchema);
    // Instances know their package by its uuid alone; PAPI keeps it unless it is told twice.
    if (!force) throw headErrors.NotAuthorized({ reason: 'packages are not deleted without force=true; set active to false so that no new instance takes it' });
    if (!(await packages.remove(request.params.uuid))) throw notFound(request.params.uuid);
    return reply.status(204).send();
  });
}

function notFound(uuid: string): Error {
  return headErrors.ResourceNotFound({ what: `package ${uuid}` });
}
