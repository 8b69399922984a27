/** CNAPI's `POST /allocate` and `POST /capacity` (control-plane §2.7). */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { headErrors } from '../errors.ts';
import type { App } from '../http/app.ts';
import { listParam, paramsOf, uuidParam } from '../http/params.ts';
import type { Allocation, WireObject } from '../services.ts';
import type { AllocateRequest, OpenPlacement } from './open-placement.ts';

const serverList = listParam.pipe(z.array(uuidParam).max(10_000));
const tagList = z.array(z.string().min(1).max(64)).max(100);

const allocateSchema = z.looseObject({
  vm: z.record(z.string(), z.unknown()).meta({ description: "a VM's payload; with `uuid` (or `vm_uuid`) its place is kept for a minute" }),
  image: z.record(z.string(), z.unknown()).optional(),
  package: z.record(z.string(), z.unknown()).optional(),
  nic_tags: listParam.pipe(tagList).optional(),
  nic_tag_requirements: z.array(tagList).max(100).optional().meta({ description: 'for each nic the tags of which one is enough' }),
  servers: serverList.optional(),
});
const capacitySchema = z.looseObject({ servers: serverList.nullish() });

/** As long as a caller has to say that the VM is to be made: the field's `vm-allocate` ticket has this time. */
const KEPT_SECONDS = 60;

/** Add the routes to the internal app. */
export function placementRoutes(app: App, { placement }: { readonly placement: OpenPlacement }): void {
  app.post('/allocate', { config: { invalid: 'InvalidArgument' }, schema: { tags: ['placement'], summary: 'choose a server for a VM', body: z.unknown() } }, async (request, reply) => {
    const asked = askedFor(request);
    const hasUuid = (asked.vm['uuid'] ?? asked.vm['vm_uuid']) !== undefined;
    const { server, steps } = hasUuid ? await placement.allocateFor(asked, KEPT_SECONDS) : await placement.explain(asked);
    if (server) return await reply.send({ server, steps, imgapiPeers: [] });
    const { code, message, httpStatus } = headErrors.NoAllocatableServers({ reason: reasonOf(steps) });
    return await reply.code(httpStatus).send({ code, message, steps });
  });
  app.post('/explain', { config: { invalid: 'InvalidArgument' }, schema: { tags: ['placement'], summary: 'which server would be chosen and why; nothing is reserved (not of CNAPI)', body: z.unknown() } }, async (request) => await placement.explain(askedFor(request)));
  app.post('/capacity', { config: { invalid: 'InvalidArgument' }, schema: { tags: ['placement'], summary: 'what is left on servers: cpu in percent of a core, ram and disk in MiB', body: z.unknown() } }, async (request) => {
    const { servers } = paramsOf(request, capacitySchema);
    return await placement.capacity(servers ?? undefined);
  });
}

function askedFor(request: FastifyRequest): AllocateRequest {
  const { vm, image, package: pack, nic_tags, nic_tag_requirements, servers } = paramsOf(request, allocateSchema);
  return { vm: { ...resourcesOf(pack ?? {}), ...vm }, image, nicTags: nic_tags ?? [], nicTagRequirements: nic_tag_requirements, servers };
}

/** The step that left none, and what it said of the last servers. */
export function reasonOf(steps: Allocation['steps']): string {
  const last = steps.find(({ remaining }) => remaining.length === 0);
  const reasons = [...new Set(Object.values(last?.reasons ?? {}))];
  if (reasons.length === 0) return 'there are no servers';
  const shown = reasons.slice(0, 3).join('; ');
  return `${last?.step}: ${shown}${reasons.length > 3 ? ` and ${reasons.length - 3} more reasons` : ''}`;
}

/** What a package gives a VM; its quota is in MiB, a VM's in GiB. */
function resourcesOf(pack: WireObject): WireObject {
  const { max_physical_memory, cpu_cap, quota } = pack;
  return { ...(max_physical_memory !== undefined && { max_physical_memory }), ...(cpu_cap !== undefined && { cpu_cap }), ...(quota !== undefined && { quota: Number(quota) / 1024 }) };
}
