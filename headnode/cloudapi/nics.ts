/** Network interfaces of a machine. */
import { z } from 'zod';
import { headErrors } from '../errors.ts';
import type { App } from '../http/app.ts';
import { booleanParam, paramsOf, uuidParam } from '../http/params.ts';
import { askerOf } from '../http/roles.ts';
import type { Vm, WireObject } from '../services.ts';
import { accountOf } from './authenticate.ts';
import { findLivingMachine, findMachine, machineSchema } from './find-machine.ts';
import { toNic } from './machine-object.ts';
import { networksFor } from './networks.ts';
import type { CloudApiServices } from './routes.ts';

/** Without colons, as paths have it, or with them. */
const macSchema = machineSchema.extend({ mac: z.string().regex(/^([0-9a-fA-F]{2}:?){5}[0-9a-fA-F]{2}$/, 'must be a MAC address') });
const addSchema = z.object({
  network: z.union([uuidParam.transform((ipv4_uuid) => ({ ipv4_uuid })), z.strictObject({ ipv4_uuid: uuidParam, ipv4_ips: z.array(z.ipv4()).length(1).optional() })]),
  primary: booleanParam.optional(),
});
/** A nic is there for clients when its job has ended; one on a busy node may take longer than they want to wait. */
const WAIT_SECONDS = 60;

export function routeNics(app: App, { vms, jobs, networks }: CloudApiServices): void {
  app.get('/:account/machines/:machine/nics', { schema: { params: machineSchema } }, async (request) => nicsOf(await findMachine(vms, request)));

  app.get('/:account/machines/:machine/nics/:mac', { schema: { params: macSchema } }, async (request) => {
    return nicWith(await findMachine(vms, request), request.params.mac);
  });

  app.post('/:account/machines/:machine/nics', { schema: { params: machineSchema } }, async (request, reply) => {
    const before = await findLivingMachine(vms, request);
    const { network, primary } = paramsOf(request, addSchema);
    const account = accountOf(request);
    const usable = await networksFor(networks, account.uuid);
    if (!usable.some(({ uuid }) => uuid === network.ipv4_uuid)) throw headErrors.InvalidArgument({ reason: `network ${network.ipv4_uuid} is not one that this account may use` });
    const { job_uuid } = await vms.act(before.uuid, 'add_nics', { networks: [{ ...network, ...(primary && { primary }) }] }, askerOf(request));
    const job = await jobs.wait(job_uuid, WAIT_SECONDS);
    const known = new Set(nicsOf(before).map(({ mac }) => mac));
    const added = (await networks.nicsOf(before.uuid)).map(toNic).find(({ mac }) => !known.has(mac));
    if (!added) throw headErrors.InvalidArgument({ reason: `no nic was added to machine ${before.uuid}: ${failureOf(job)}` });
    return reply.status(201).header('location', `/${account.login}/machines/${before.uuid}/nics/${bare(String(added['mac']))}`).send({ ...added, state: stateOf(before) });
  });

  app.delete('/:account/machines/:machine/nics/:mac', { schema: { params: macSchema } }, async (request, reply) => {
    const vm = await findLivingMachine(vms, request);
    const { mac } = nicWith(vm, request.params.mac);
    await vms.act(vm.uuid, 'remove_nics', { macs: [mac] }, askerOf(request));
    return reply.status(204).send();
  });
}

function nicsOf(vm: Vm): WireObject[] {
  return ((vm['nics'] ?? []) as readonly WireObject[]).map((nic) => ({ ...toNic(nic), state: stateOf(vm) }));
}

function nicWith(vm: Vm, mac: string): WireObject {
  const nic = nicsOf(vm).find((candidate) => bare(String(candidate['mac'])) === bare(mac));
  if (!nic) throw headErrors.ResourceNotFound({ what: `nic ${mac}` });
  return nic;
}

function stateOf(vm: Vm): string {
  return vm.state === 'running' ? 'running' : vm.state === 'provisioning' ? 'provisioning' : 'stopped';
}

function bare(mac: string): string {
  return mac.replaceAll(':', '').toLowerCase();
}

function failureOf({ chain_results, execution }: { readonly chain_results: ReadonlyArray<{ readonly error: string }>; readonly execution: string }): string {
  return chain_results.findLast(({ error }) => error !== '')?.error ?? `its job is ${execution}`;
}
