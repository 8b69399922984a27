/** Workflows that change a VM which is on a node: power, properties, tags and metadata, nics. */
import type { StepContext, Workflow, WorkflowStep, WireObject } from '../../services.ts';
import { isErrorCode } from '../../../host/errors/errors.ts';
import { loadVm, settleWord, type Nodes, type NodeVm } from '../ask-node.ts';
import { headErrors } from '../../errors.ts';
import { payloadNic, type WantedNic } from '../wanted-nics.ts';
import { derivedNumber, runJobTaskToEnd } from './task-of-job.ts';

/** What such a job begins with. */
export interface ChangeState {
  readonly uuid: string;
  readonly server_uuid: string;
  /** Params of the node's task, besides the uuid. */
  readonly task_params: WireObject;
}

interface Power {
  readonly name: string;
  readonly task: string;
  readonly timeoutSeconds: number;
}

const POWER: readonly Power[] = [
  { name: 'start', task: 'machine_boot', timeoutSeconds: 410 },
  { name: 'stop', task: 'machine_shutdown', timeoutSeconds: 530 },
  // A kill is a shutdown that asks nobody.
  { name: 'kill', task: 'machine_shutdown', timeoutSeconds: 180 },
  { name: 'reboot', task: 'machine_reboot', timeoutSeconds: 660 },
];

/** How long a node that does not answer is asked again. */
const PATIENCE_SECONDS = 60;

export function changeWorkflows(nodes: Nodes): readonly Workflow[] {
  const power = POWER.map(({ name, task, timeoutSeconds }) => ({ name, steps: [taskStep(nodes, { task, timeoutSeconds })] }));
  const update = taskStep(nodes, { task: 'machine_update', timeoutSeconds: 600 });
  return [
    ...power,
    { name: 'update', steps: [compareMap(nodes), update] },
    { name: 'add_nics', steps: [provisionNics(nodes), update] },
    { name: 'remove_nics', steps: [update] },
    { name: 'update_nics', steps: [update] },
  ];
}

const stateOf = ({ state }: StepContext): ChangeState => state as unknown as ChangeState;

/** A task that changes the VM; its result is the VM as it is then. */
function taskStep(nodes: Nodes, { task, timeoutSeconds }: { readonly task: string; readonly timeoutSeconds: number }): WorkflowStep {
  return {
    name: task,
    timeoutSeconds,
    patienceSeconds: PATIENCE_SECONDS,
    async run(context) {
      const { uuid, server_uuid: serverUuid, task_params: params } = stateOf(context);
      if (Object.keys(params).length === 0 && task === 'machine_update') return { evidence: 'nothing to change' };
      const { vm } = await runJobTaskToEnd(nodes.servers, context, { task, serverUuid, params: { ...params, uuid }, timeoutSeconds });
      if (vm === undefined) throw headErrors.TaskFailed({ task, server: serverUuid, reason: 'it did not tell of the VM' });
      await settleWord(nodes, serverUuid, vm as NodeVm);
      return { evidence: `VM ${uuid} is ${String((vm as NodeVm)['state'])}` };
    },
  };
}

/** What a change of tags or metadata is: see `Vms.changeMap`. */
export interface MapChange {
  readonly map: string;
  readonly how: 'merge' | 'replace' | 'remove';
  readonly values?: WireObject;
  readonly key?: string;
}

/** From what is there now and what shall be to vmadm's `set_` and `remove_`. The node is asked: it may know of changes that we do not. */
function compareMap(nodes: Nodes): WorkflowStep {
  return {
    name: 'compare',
    timeoutSeconds: 120,
    patienceSeconds: PATIENCE_SECONDS,
    async run(context) {
      const { uuid, server_uuid: serverUuid } = stateOf(context);
      const { change } = context.state as { readonly change?: MapChange };
      if (!change) return { evidence: 'given as it is' };
      const vm = await loadVm(nodes, { serverUuid, uuid, asker: context.asker });
      if (!vm) throw headErrors.ResourceNotFound({ what: `VM ${uuid}` });
      const { set, remove } = difference((vm[change.map] ?? {}) as WireObject, change);
      const params = { ...(Object.keys(set).length > 0 && { [`set_${change.map}`]: set }), ...(remove.length > 0 && { [`remove_${change.map}`]: remove }) };
      return { evidence: `${Object.keys(set).length} to set, ${remove.length} to remove`, state: { task_params: params } };
    },
  };
}

function difference(current: WireObject, { how, values = {}, key }: MapChange): { readonly set: WireObject; readonly remove: readonly string[] } {
  if (how === 'remove') return { set: {}, remove: key === undefined ? Object.keys(current) : Object.hasOwn(current, key) ? [key] : [] };
  const set = Object.fromEntries(Object.entries(values).filter(([name, value]) => current[name] !== value));
  return { set, remove: how === 'replace' ? Object.keys(current).filter((name) => !Object.hasOwn(values, name)) : [] };
}

/** New nics for a VM: they have places of their own, so that asking again gives the same ones. */
function provisionNics({ networks }: Nodes): WorkflowStep {
  return {
    name: 'provision_nics',
    timeoutSeconds: 120,
    async run(context) {
      const wanted = wantedOf(context);
      const nics: WireObject[] = [];
      for (const index of wanted.keys()) nics.push(await newNic(networks, context, index));
      const add = nics.map((nic, index) => payloadNic(nic, wanted[index] as WantedNic));
      return { evidence: nics.map((nic) => `${String(nic['mac'])} ${String(nic['ip'])}`).join(', '), state: { task_params: { add_nics: add } } };
    },
    async compensate(context) {
      const macs: string[] = [];
      for (const index of wantedOf(context).keys()) {
        try {
          // Asking once more tells which nic it is, whether or not the step came to write it down.
          macs.push(String((await newNic(networks, context, index))['mac']));
        } catch (error) {
          // What cannot be had was not had before either.
          if (!isErrorCode(error, 'SubnetFull') && !isErrorCode(error, 'InvalidParameters') && !isErrorCode(error, 'ResourceNotFound')) throw error;
        }
      }
      await networks.releaseNics(stateOf(context).uuid, macs);
    },
  };
}

/** Places of a VM's first nics are small numbers. */
const FIRST_PLACE = 1000;

async function newNic(networks: Nodes['networks'], context: StepContext, index: number): Promise<WireObject> {
  const { uuid, server_uuid: cnUuid } = stateOf(context);
  const { network, primary, ip } = wantedOf(context)[index] as WantedNic;
  const { owner_uuid: ownerUuid } = context.state as { readonly owner_uuid?: string };
  const place = FIRST_PLACE + derivedNumber(context.jobUuid) + index;
  return await networks.provisionNic(network, { ownerUuid: String(ownerUuid), belongsToUuid: uuid, belongsToType: 'zone', index: place, primary, cnUuid, ...(ip !== undefined && { ip }) });
}

function wantedOf({ state }: StepContext): readonly WantedNic[] {
  return (state as { readonly wanted?: readonly WantedNic[] }).wanted ?? [];
}
