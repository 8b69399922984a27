import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { isUuid } from '../../host/config/units.ts';
import { headErrors } from '../errors.ts';
import type { Vm, Vms } from '../services.ts';
import { accountOf } from './authenticate.ts';

export const machineSchema = z.object({ machine: z.string() });

/** A machine of the account that asks, deleted ones too. Another's is as if it were not there. @throws ResourceNotFound */
export async function findMachine(vms: Vms, request: FastifyRequest & { params: { machine: string } }): Promise<Vm> {
  const { machine } = request.params;
  const vm = isUuid(machine) ? await vms.get(machine, { ownerUuid: accountOf(request).uuid }) : undefined;
  if (!vm) throw headErrors.ResourceNotFound({ what: `machine ${machine}` });
  return vm;
}

/** The same, for what only one that still exists has. @throws ResourceNotFound, Gone */
export async function findLivingMachine(vms: Vms, request: FastifyRequest & { params: { machine: string } }): Promise<Vm> {
  const vm = await findMachine(vms, request);
  if (vm.state === 'destroyed') throw headErrors.Gone({ what: `machine ${vm.uuid}` });
  return vm;
}
