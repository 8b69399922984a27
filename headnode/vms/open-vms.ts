/**
 * VMs of the whole fleet (control-plane §3). A table holds what nodes said of them last; requests are checked here and done by
 * jobs, whose steps are tasks on nodes.
 */
import { headErrors } from '../errors.ts';
import type { OpenJobs } from '../jobs/open-jobs.ts';
import type { Vm, Vms } from '../services.ts';
import { adoptNics, loadVm } from './ask-node.ts';
import { actOn, changeMap, destroyVm } from './change-vm.ts';
import { createVm, type CreateServices } from './create-vm.ts';
import { listVms } from './list-vms.ts';
import { newLooker } from './look-again.ts';
import { takeReport } from './reports.ts';
import { readVm } from './store.ts';
import { toVm } from './vm-row.ts';
import { changeWorkflows } from './workflows/change.ts';
import { destroyWorkflow } from './workflows/destroy.ts';
import { provisionWorkflow, type ProvisionDependencies } from './workflows/provision.ts';

export type VmsOptions = CreateServices & ProvisionDependencies & { readonly jobs: OpenJobs };

export interface OpenVms extends Vms {
  /** How many VMs a filter finds. */
  count(filter: Parameters<Vms['list']>[0]): Promise<number>;
  /** A VM with its owner's name checked. @throws ResourceNotFound */
  require(uuid: string, ownerUuid?: string): Promise<Vm>;
  close(): Promise<void>;
}

/** Open the VMs of a head node: their workflows are defined, and reports of nodes taken. */
export function openVms(options: VmsOptions): OpenVms {
  const { database, jobs, servers, networks, onError } = options;
  const looker = newLooker(options);
  for (const workflow of [provisionWorkflow(options), ...changeWorkflows(options), destroyWorkflow(options)]) jobs.define(workflow);

  servers.onReport(async (report) => {
    const { destroyed, unclear, whole } = await takeReport(database, report);
    for (const uuid of destroyed) await networks.releaseNics(uuid).catch((error: unknown) => onError(`release the nics of VM ${uuid}`, error));
    for (const uuid of whole) await adoptNics(options, report.serverUuid, { ...report.vms?.[uuid], uuid });
    looker.later(report.serverUuid, unclear);
  });
  const upkeep = keepVacuumed(database);
  const get: OpenVms['get'] = async (uuid, { ownerUuid, sync } = {}) => {
    const row = await readVm(database, uuid);
    if (!row || (ownerUuid !== undefined && row.vm['owner_uuid'] !== ownerUuid)) return undefined;
    if (!sync || row.held !== null || row.server_uuid === null || row.state === 'destroyed') return toVm(row);
    await loadVm(options, { serverUuid: row.server_uuid, uuid, asker: { requestId: `sync-${uuid}`, by: 'head' } });
    const fresh = await readVm(database, uuid);
    return fresh && toVm(fresh);
  };
  return {
    get,
    async require(uuid, ownerUuid) {
      const vm = await get(uuid, { ownerUuid });
      if (!vm) throw notFound(uuid);
      return vm;
    },
    list: (filter) => listVms(database, filter),
    count: async (filter) => (await listVms(database, { ...filter, countOnly: true })).total,
    create: (payload, asker) => createVm(options, payload, asker),
    act: (uuid, action, params, asker) => actOn(options, uuid, { action, params, asker }),
    destroy: (uuid, asker) => destroyVm(options, uuid, asker),
    changeMap: (uuid, map, change, asker) => changeMap(options, uuid, { change: { map, ...change }, asker }),
    async close() {
      clearInterval(upkeep);
      await looker.close();
    },
  };
}

function notFound(uuid: string): Error {
  return headErrors.ResourceNotFound({ what: `VM ${uuid}` });
}

const VACUUM_MILLISECONDS = 10 * 60 * 1000;

/** PGlite has nothing that cleans up by itself; counting VMs by an index alone needs it. */
function keepVacuumed(database: VmsOptions['database']): NodeJS.Timeout | undefined {
  if (database.kind !== 'pglite') return undefined;
  return setInterval(() => void database.executeSql('VACUUM (ANALYZE) vms').catch(() => undefined), VACUUM_MILLISECONDS).unref();
}
