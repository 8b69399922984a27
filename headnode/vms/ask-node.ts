import { randomUUID } from 'node:crypto';
import type { Database } from '../db/database.ts';
import { headErrors } from '../errors.ts';
import type { Asker, Networks, Servers, TaskOutcome, WireObject } from '../services.ts';
import { markDestroyed, takeWord } from './store.ts';

export interface Nodes {
  readonly database: Database;
  readonly servers: Servers;
  readonly networks: Networks;
  onError(what: string, error: unknown): void;
}

/** A VM as a node tells it. */
export type NodeVm = WireObject & { readonly uuid: string };

/**
 * Ask a node for one of its VMs, and take over the answer.
 * @returns undefined when the VM is not there, which makes it destroyed
 * @throws ServerUnreachable, TaskFailed, ServerNotFound
 */
export async function loadVm(nodes: Nodes, at: { readonly serverUuid: string; readonly uuid: string; readonly asker: Asker }): Promise<NodeVm | undefined> {
  const { serverUuid, uuid, asker } = at;
  const outcome = await nodes.servers.runTask(serverUuid, { task: 'machine_load', params: { uuid }, id: randomUUID(), asker, timeoutSeconds: LOAD_SECONDS });
  if (outcome.outcome === 'failure' && isNoSuchVm(outcome)) {
    await settleDestroyed(nodes, uuid);
    return undefined;
  }
  const vm = resultOf(outcome, 'machine_load', serverUuid) as NodeVm;
  await settleWord(nodes, serverUuid, vm);
  return vm;
}

const LOAD_SECONDS = 30;

/** Take over what a task told of a VM, its nics included. */
export async function settleWord(nodes: Nodes, serverUuid: string, vm: NodeVm): Promise<void> {
  await takeWord(nodes.database, serverUuid, vm);
  await adoptNics(nodes, serverUuid, vm);
}

/** A node confirmed that a VM is gone: its addresses are free again. */
async function settleDestroyed(nodes: Nodes, uuid: string): Promise<void> {
  if (await markDestroyed(nodes.database, uuid, { held: false })) await nodes.networks.releaseNics(uuid);
}

/** Take over the nics of a VM that is told with all its properties. What stands in the way is logged: the node has them all the same. */
export async function adoptNics({ networks, onError }: Nodes, serverUuid: string, vm: NodeVm): Promise<void> {
  if (!Array.isArray(vm['nics'])) return;
  const refused = await networks.adopt(vm, serverUuid).catch((error: unknown) => [error instanceof Error ? error.message : String(error)]);
  for (const reason of refused) onError(`nics of VM ${vm.uuid}`, new Error(reason));
}

/** A task's result. @throws ServerUnreachable, TaskFailed */
export function resultOf(outcome: TaskOutcome, task: string, serverUuid: string): WireObject {
  if (outcome.outcome === 'complete') return outcome.result;
  if (outcome.outcome === 'unreachable') throw headErrors.ServerUnreachable({ server: serverUuid, reason: outcome.reason });
  throw headErrors.TaskFailed({ task, server: serverUuid, reason: outcome.error.message });
}

export function isNoSuchVm(outcome: TaskOutcome): boolean {
  return outcome.outcome === 'failure' && (outcome.error.restCode === 'VmNotFound' || outcome.error.code === 'VmNotFound');
}
