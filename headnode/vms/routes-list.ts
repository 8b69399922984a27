/** Listing VMs (control-plane §3.4). */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { InvalidFields } from '../http/invalid-fields.ts';
import type { App } from '../http/app.ts';
import { limitParam, listParam, offsetParam, uuidParam } from '../http/params.ts';
import type { VmFilter } from '../services.ts';
import { vmField } from './fields.ts';
import type { OpenVms } from './open-vms.ts';
import { onlyFields } from './requests.ts';

const listSchema = z.looseObject({
  owner_uuid: uuidParam.optional(),
  uuids: listParam.optional(),
  fields: listParam.optional(),
  predicate: z.string().max(16_384).optional(),
  sort: z.string().max(128).optional(),
  marker: z.string().max(4_096).optional(),
  limit: limitParam.optional(),
  offset: offsetParam.optional(),
});

export function routeVmLists(app: App, vms: OpenVms): void {
  app.get('/vms', { config: { often: true } }, async (request, reply) => {
    const { fields, ...filter } = filterOf(request);
    const page = await vms.list(filter);
    return reply.header('x-joyent-resource-count', page.total).send(page.vms.map((vm) => onlyFields(vm, fields)));
  });

  app.head('/vms', { config: { often: true } }, async (request, reply: FastifyReply) => {
    const { fields: _fields, ...filter } = filterOf(request);
    return reply.header('x-joyent-resource-count', await vms.count(filter)).send();
  });

  app.get('/statuses', { config: { often: true } }, async (request) => {
    const { uuids } = z.looseObject({ uuids: listParam }).parse(request.query);
    const { vms: found } = await vms.list({ uuids });
    return Object.fromEntries(found.map(({ uuid, state }) => [uuid, state]));
  });
}

/** A filter that is not known is refused: passed over, it would find more VMs than were asked for. */
function filterOf(request: FastifyRequest): VmFilter & { readonly fields?: readonly string[] | undefined } {
  const { owner_uuid: ownerUuid, uuids, fields, predicate, sort, marker, limit, offset, query, ...match } = listSchema.parse(request.query);
  if (query !== undefined) throw new InvalidFields('ValidationFailed', [{ field: 'query', code: 'Invalid', message: 'LDAP filters are not supported; use predicate' }]);
  const unknown = Object.keys(match).filter((name) => !/^(tag|internal_metadata)\../.test(name) && vmField(name) === undefined);
  if (unknown.length > 0) throw new InvalidFields('ValidationFailed', unknown.map((field) => ({ field, code: 'Invalid', message: 'there is no such filter' })));
  return {
    match,
    fields,
    predicate,
    marker,
    ...(ownerUuid !== undefined && { ownerUuid }),
    ...(uuids !== undefined && { uuids }),
    ...(sort !== undefined && { sort }),
    ...(limit !== undefined && { limit }),
    ...(offset !== undefined && { offset }),
  };
}
