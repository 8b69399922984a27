/** Machines: list, get, create, delete, and what was done to them. */
import { z } from 'zod';
import { headErrors } from '../errors.ts';
import type { App } from '../http/app.ts';
import { booleanParam, integerParam, limitParam, offsetParam, paramsOf } from '../http/params.ts';
import { askerOf } from '../http/roles.ts';
import type { VmFilter } from '../services.ts';
import { toAudit } from './audit.ts';
import { accountOf } from './authenticate.ts';
import { createPayload } from './create-payload.ts';
import { findLivingMachine, findMachine, machineSchema } from './find-machine.ts';
import { toMachineOf, toMachines, vmStateOf } from './machine-object.ts';
import type { CloudApiServices } from './routes.ts';

const MOST = 1000;
const AUDIT_LENGTH = 200;

const listSchema = z.looseObject({
  name: z.string().optional(),
  image: z.string().optional(),
  state: z.string().optional(),
  brand: z.string().optional(),
  memory: integerParam.optional(),
  docker: booleanParam.optional(),
  tombstone: z.string().optional(),
  limit: limitParam.default(MOST),
  offset: offsetParam.default(0),
});

export function routeMachines(app: App, services: CloudApiServices): void {
  const { vms, jobs, packages } = services;

  app.get('/:account/machines', async (request, reply) => {
    const filter = filterOf(paramsOf(request, listSchema), accountOf(request).uuid);
    const found = await vms.list(filter);
    // Clients take a count below the limit for the last page, so it is the page's.
    reply.header('x-resource-count', found.vms.length).header('x-query-limit', filter.limit);
    return await toMachines(found.vms, packages);
  });

  app.head('/:account/machines', async (request, reply) => {
    const filter = filterOf(paramsOf(request, listSchema), accountOf(request).uuid);
    const { total } = await vms.list({ ...filter, limit: 1, offset: 0 });
    return reply.header('x-resource-count', total).header('x-query-limit', filter.limit).send();
  });

  app.get('/:account/machines/:machine', { schema: { params: machineSchema } }, async (request, reply) => {
    const vm = await findMachine(vms, request);
    return reply.status(vm.state === 'destroyed' ? 410 : 200).send(await toMachineOf(vm, packages));
  });

  app.post('/:account/machines', async (request, reply) => {
    const account = accountOf(request);
    const payload = await createPayload(paramsOf(request, z.looseObject({})), account, services);
    const { vm_uuid } = await vms.create(payload, askerOf(request));
    const vm = await vms.get(vm_uuid, { ownerUuid: account.uuid });
    if (!vm) throw new Error(`VM ${vm_uuid} was made and is not there`);
    return reply.status(201).header('location', `/${account.login}/machines/${vm_uuid}`).send(await toMachineOf(vm, packages));
  });

  app.delete('/:account/machines/:machine', { schema: { params: machineSchema } }, async (request, reply) => {
    const vm = await findLivingMachine(vms, request);
    if (vm['indestructible_zoneroot'] === true) throw headErrors.InvalidArgument({ reason: `machine ${vm.uuid} is protected against deletion; disable its deletion protection first` });
    await vms.destroy(vm.uuid, askerOf(request));
    return reply.status(204).send();
  });

  app.get('/:account/machines/:machine/audit', { schema: { params: machineSchema } }, async (request) => {
    const { uuid } = await findMachine(vms, request);
    const done = await jobs.list({ vmUuid: uuid, limit: AUDIT_LENGTH });
    return done
      .filter(({ execution }) => execution !== 'queued' && execution !== 'running')
      .map(toAudit)
      .sort((one, other) => other.time.localeCompare(one.time));
  });
}

/** Those that still exist, unless a state is asked for. */
function filterOf({ name, image, state, brand, memory, docker, tombstone, limit, offset, ...more }: z.output<typeof listSchema>, ownerUuid: string): VmFilter & { readonly limit: number } {
  const tags = Object.entries(more).filter(([field]) => field.startsWith('tag.'));
  const match = {
    state: state !== undefined ? vmStateOf(state) : tombstone !== undefined ? undefined : 'active',
    alias: name,
    image_uuid: image,
    brand,
    ram: memory,
    docker,
    ...Object.fromEntries(tags),
  };
  return { ownerUuid, match: Object.fromEntries(Object.entries(match).filter(([, value]) => value !== undefined)), sort: 'create_timestamp.asc', limit, offset };
}
