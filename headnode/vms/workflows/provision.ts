/**
 * Creating a VM (control-plane §3.3). Once a create was answered the VM exists on exactly one node, or is failed with the reason and
 * everything that it took is free again. Each step can be done twice: a reservation, a nic and a task are each had under a key that
 * follows from the VM or the job.
 */
import { randomUUID } from 'node:crypto';
import { headErrors } from '../../errors.ts';
import { isErrorCode } from '../../../host/errors/errors.ts';
import type { Placement, Server, StepContext, Workflow, WorkflowStep, WireObject } from '../../services.ts';
import { isNoSuchVm, resultOf, settleWord, type Nodes, type NodeVm } from '../ask-node.ts';
import { announceFailure, markFailed, placeVm, showNics } from '../store.ts';
import { guestNetworking, nicTagsOf, payloadNic, type WantedNic } from '../wanted-nics.ts';
import { runJobTask, runJobTaskToEnd } from './task-of-job.ts';

export interface ProvisionDependencies extends Nodes {
  readonly placement: Placement;
  /** How long a node that does not answer is asked again before a create is given up; 300 unless given. */
  readonly patienceSeconds?: number;
}

/** What a provision job begins with and its steps add to. */
export interface ProvisionState {
  readonly uuid: string;
  readonly payload: WireObject & { readonly uuid: string; readonly owner_uuid: string };
  readonly wanted: readonly WantedNic[];
  readonly image?: WireObject;
  readonly placement: WireObject;
  readonly server_uuid?: string;
  readonly nics?: readonly WireObject[];
  readonly create?: WireObject;
  readonly vm?: NodeVm;
}

export function provisionWorkflow(dependencies: ProvisionDependencies): Workflow {
  return {
    name: 'provision',
    steps: [allocate(dependencies), provisionNics(dependencies), ensureImage(dependencies), createMachine(dependencies), record(dependencies)],
  };
}

const stateOf = ({ state }: StepContext): ProvisionState => state as unknown as ProvisionState;

function allocate({ database, placement }: ProvisionDependencies): WorkflowStep {
  return {
    name: 'allocate',
    timeoutSeconds: 120,
    async run(context) {
      const { uuid, payload, wanted, image, server_uuid: given, placement: hints } = stateOf(context);
      if (given !== undefined) {
        await placement.hold({ vm: { ...payload, ...hints }, image }, given);
        await placeVm(database, uuid, given);
        return { evidence: `server ${given}, as asked for` };
      }
      const { server, steps } = await placement.allocate({ vm: { ...payload, ...hints }, image, ...nicTagsOf(wanted) });
      if (!server) throw headErrors.NoAllocatableServers({ reason: reasonOf(steps) });
      await placeVm(database, uuid, server.uuid);
      return { evidence: `server ${server.uuid} (${server.hostname}) after ${steps.map(({ step, remaining }) => `${step}: ${remaining.length}`).join(', ')}`, state: { server_uuid: server.uuid } };
    },
    async compensate(context) {
      const { uuid } = stateOf(context);
      await placement.release(uuid);
      await markFailed(database, uuid, context.failure ?? 'it could not be created');
    },
  };
}

/** The first filter that left nobody says why. */
function reasonOf(steps: ReadonlyArray<{ readonly step: string; readonly remaining: readonly string[]; readonly reasons?: WireObject }>): string {
  const last = steps.find(({ remaining }) => remaining.length === 0);
  if (!last) return 'there is no server';
  const reasons = [...new Set(Object.values(last.reasons ?? {}).map(String))].slice(0, 5);
  return `none is left after ${last.step}${reasons.length > 0 ? `: ${reasons.join('; ')}` : ''}`;
}

function provisionNics({ database, networks, servers }: ProvisionDependencies): WorkflowStep {
  return {
    name: 'provision_nics',
    timeoutSeconds: 120,
    async run(context) {
      const { uuid, payload, wanted, image, server_uuid: cnUuid } = stateOf(context);
      const nicTagsAvailable = tagsOfServer(cnUuid === undefined ? undefined : await servers.get(cnUuid));
      const nics: WireObject[] = [];
      for (const [index, { network, primary, ip, nicTags }] of wanted.entries()) {
        const asked = { ownerUuid: payload.owner_uuid, belongsToUuid: uuid, belongsToType: 'zone' as const, index, primary, ...(ip !== undefined && { ip }), ...(cnUuid !== undefined && { cnUuid }) };
        // Of a pool that spans tags, a network that the server is on.
        nics.push(await networks.provisionNic(network, { ...asked, ...(nicTags.length > 1 && { nicTagsAvailable }) }));
      }
      const guestNics = nics.map((nic, index) => payloadNic(nic, wanted[index] as WantedNic));
      await showNics(database, uuid, guestNics);
      // The whole request for the node is decided here: a task under the same id must be asked for with the same words.
      const create = { ...guestNetworking(nics), ...payload, nics: guestNics, ...(image && { image: manifestOf(image) }) };
      return { evidence: nics.length === 0 ? 'no nics' : nics.map((nic) => `${String(nic['mac'])} ${String(nic['ip'])}`).join(', '), state: { nics: guestNics, create } };
    },
    // By now the VM is not on a node: the steps after this one were taken back.
    compensate: async (context) => await networks.releaseNics(stateOf(context).uuid),
  };
}

/** Nic tags as a server's sysinfo names them (§1.6). */
function tagsOfServer(server: Server | undefined): readonly string[] {
  const interfaces = Object.values((server?.sysinfo['Network Interfaces'] ?? {}) as Readonly<Record<string, { readonly 'NIC Names'?: readonly string[] }>>);
  return [...new Set(interfaces.flatMap((one) => one['NIC Names'] ?? []))];
}

/** A node takes the manifest only as a hint of where the image belongs; it verifies what it fetches. */
function manifestOf(image: WireObject): WireObject {
  const { uuid, name, version, type, os, origin } = image;
  return Object.fromEntries(Object.entries({ uuid, name, version, type, os, origin }).filter(([, value]) => value !== undefined));
}

const PATIENCE_SECONDS = 300;

function ensureImage({ servers, patienceSeconds = PATIENCE_SECONDS }: ProvisionDependencies): WorkflowStep {
  return {
    name: 'ensure_image',
    timeoutSeconds: 3600,
    patienceSeconds,
    async run(context) {
      const images = imagesOf(stateOf(context));
      for (const uuid of images) {
        await runJobTaskToEnd(servers, context, { task: 'image_ensure_present', part: uuid, serverUuid: serverOf(context), params: { image_uuid: uuid }, timeoutSeconds: 3600 });
      }
      return { evidence: images.length === 0 ? 'no image' : `${images.join(', ')} present` };
    },
  };
}

function imagesOf({ payload }: ProvisionState): readonly string[] {
  const disks = (payload['disks'] ?? []) as readonly WireObject[];
  return [...new Set([payload['image_uuid'], ...disks.map((disk) => disk['image_uuid'])].filter((uuid) => typeof uuid === 'string'))];
}

function createMachine({ database, servers, patienceSeconds = PATIENCE_SECONDS }: ProvisionDependencies): WorkflowStep {
  return {
    name: 'machine_create',
    timeoutSeconds: 3600,
    patienceSeconds,
    async run(context) {
      const { uuid, create = {} } = stateOf(context);
      const serverUuid = serverOf(context);
      const { vm } = await runJobTaskToEnd(servers, context, { task: 'machine_create', serverUuid, params: create, timeoutSeconds: 3600 });
      return { evidence: `VM ${uuid} on server ${serverUuid}`, state: { vm } };
    },
    async compensate(context) {
      const { uuid } = stateOf(context);
      await announceFailure(database, uuid, context.failure ?? 'it could not be created');
      await takeBack(servers, context);
    },
  };
}

/**
 * Destroy what a create may have made. How the create ended is asked for first, with the same words: a task that is still on its way to
 * a node that cannot be reached must not come there after the destroy.
 */
async function takeBack(servers: Nodes['servers'], context: StepContext): Promise<void> {
  const { uuid, create = {} } = stateOf(context);
  const serverUuid = serverOf(context);
  try {
    const created = await runJobTask(servers, context, { task: 'machine_create', serverUuid, params: create, timeoutSeconds: 3600 });
    if (created.outcome === 'unreachable') throw headErrors.ServerUnreachable({ server: serverUuid, reason: created.reason });
    // One that was there before is not ours to destroy.
    if (created.outcome === 'failure' && created.error.restCode === 'MachineExists') return;
    const destroy = { task: 'machine_destroy', serverUuid, params: { uuid }, timeoutSeconds: 600 };
    const first = await runJobTask(servers, context, destroy);
    // How a task ended stays as it is; one that failed is asked for anew each time.
    const destroyed = first.outcome === 'failure' && !isNoSuchVm(first) ? await servers.runTask(serverUuid, { ...destroy, id: randomUUID(), asker: context.asker }) : first;
    if (!isNoSuchVm(destroyed)) resultOf(destroyed, 'machine_destroy', serverUuid);
  } catch (error) {
    // A server that operators made the head node forget has nothing any more.
    if (!isErrorCode(error, 'ServerNotFound')) throw error;
  }
}

function record(dependencies: ProvisionDependencies): WorkflowStep {
  return {
    name: 'record',
    timeoutSeconds: 60,
    async run(context) {
      const { uuid, vm } = stateOf(context);
      if (!vm) throw headErrors.TaskFailed({ task: 'machine_create', server: serverOf(context), reason: 'it did not tell of the VM' });
      // The reservation stays: it ends when the node reports the VM, and until then its place must not look free.
      await settleWord(dependencies, serverOf(context), vm);
      return { evidence: `VM ${uuid} is ${String(vm['state'])}` };
    },
  };
}

function serverOf(context: StepContext): string {
  const { server_uuid: uuid } = stateOf(context);
  if (uuid === undefined) throw new Error(`job ${context.jobUuid} has no server yet`);
  return uuid;
}
