import { randomUUID } from 'node:crypto';
import { InvalidFields } from '../http/invalid-fields.ts';
import type { OpenJobs } from '../jobs/open-jobs.ts';
import type { Asker, WireObject } from '../services.ts';
import type { Nodes } from './ask-node.ts';
import { checkCreate, type CreateDependencies } from './check-create.ts';
import { insertProvisioning, isAliasTaken, setJob } from './store.ts';
import type { ProvisionState } from './workflows/provision.ts';

export type CreateServices = CreateDependencies & Nodes & { readonly jobs: OpenJobs };

/** The VM and its job are there together or not at all; from then on the job sees to it. @throws ValidationFailed */
export async function createVm(services: CreateServices, given: WireObject, asker: Asker): Promise<{ readonly vm_uuid: string; readonly job_uuid: string }> {
  const { payload, wanted, image, serverUuid, placement } = await checkCreate(services, given);
  const uuid = typeof payload['uuid'] === 'string' ? payload['uuid'] : randomUUID();
  const whole = { autoboot: true, ...payload, uuid, archive_on_delete: true };
  const state: ProvisionState = { uuid, payload: whole, wanted, placement, ...(image && { image }), ...(serverUuid !== undefined && { server_uuid: serverUuid }) };
  const { alias } = payload as { readonly alias?: string };
  const job = await services.database.transaction(
    async (queries) => {
      if (alias !== undefined && (await isAliasTaken(queries, payload.owner_uuid, { alias }))) {
        throw duplicate('alias', `owner ${payload.owner_uuid} has a VM called ${alias} already`);
      }
      if (!(await insertProvisioning(queries, uuid, shownAtFirst(whole, serverUuid)))) throw duplicate('uuid', `there is a VM ${uuid} already`);
      const started = await services.jobs.startWithin(queries, 'provision', {
        params: toldParams(whole, given),
        state: state as unknown as WireObject,
        lock: uuid,
        vmUuid: uuid,
        ...(serverUuid !== undefined && { serverUuid }),
        asker,
      });
      await setJob(queries, uuid, started.uuid);
      return started;
    },
    { isolation: 'read committed' },
  );
  return { vm_uuid: uuid, job_uuid: job.uuid };
}

/** What is seen of a VM until its node tells of it. */
function shownAtFirst(payload: WireObject, serverUuid: string | undefined): WireObject {
  const { archive_on_delete: _archive, ...shown } = payload;
  const memory = shown['ram'] ?? shown['max_physical_memory'];
  return {
    ram: memory,
    max_physical_memory: memory,
    tags: {},
    customer_metadata: {},
    internal_metadata: {},
    nics: [],
    create_timestamp: new Date().toISOString(),
    ...shown,
    ...(serverUuid !== undefined && { server_uuid: serverUuid }),
  };
}

const TOLD = ['alias', 'brand', 'image_uuid', 'billing_id', 'ram', 'max_physical_memory', 'quota', 'cpu_cap', 'vcpus', 'owner_uuid'];

/** What a job tells of a create: nothing of metadata, which may hold secrets. */
function toldParams(payload: WireObject, given: WireObject): WireObject {
  const told = Object.fromEntries(TOLD.flatMap((name) => (payload[name] === undefined ? [] : [[name, payload[name]]])));
  return { task: 'provision', vm_uuid: payload['uuid'], ...told, networks: given['networks'] };
}

function duplicate(field: string, message: string): InvalidFields {
  return new InvalidFields('ValidationFailed', [{ field, code: 'Duplicate', message }]);
}
