/**
 * Nodes as the head node sees them through `Servers`: tasks run once for each id, whatever is asked; instances are what tasks made
 * of them; reports say all of them. They can be cut off, and tasks can be held back or made to fail.
 */
import { randomUUID } from 'node:crypto';
import { headErrors } from '../../../headnode/errors.ts';
import type { Server, ServerReport, Servers, TaskOutcome, TaskRequest, WireObject } from '../../../headnode/services.ts';
import { server } from '../placement/servers.ts';

export interface SimulatedNode {
  readonly uuid: string;
  readonly vms: Map<string, WireObject>;
  /** Tasks in the order in which they began, each once. */
  readonly ran: Array<{ readonly task: string; readonly params: WireObject; readonly id: string }>;
  /** While set, nobody reaches it. */
  cut: boolean;
  /** What a task waits for before it begins. */
  hold: ((task: string) => Promise<void>) | undefined;
  /** Why a task fails; undefined lets it run. */
  fails: ((task: string) => { readonly message: string; readonly restCode?: string } | undefined) | undefined;
}

export interface SimulatedNodes extends Servers {
  readonly nodes: readonly SimulatedNode[];
  /** Let a node say what it has, or this instead. */
  report(node: SimulatedNode, told?: Partial<ServerReport>): Promise<void>;
}

export function simulatedNodes(count: number): SimulatedNodes {
  const nodes: SimulatedNode[] = Array.from({ length: count }, () => ({ uuid: randomUUID(), vms: new Map(), ran: [], cut: false, hold: undefined, fails: undefined }));
  const listeners: Array<(report: ServerReport) => Promise<void>> = [];
  const outcomes = new Map<string, Promise<TaskOutcome>>();
  const shown = (node: SimulatedNode): Server => ({ ...server({ uuid: node.uuid }), status: node.cut ? 'unknown' : 'running', vms: Object.fromEntries([...node.vms].map(([uuid, vm]) => [uuid, inShort(vm)])) });
  return {
    nodes,
    get: async (uuid) => nodes.filter((node) => node.uuid === uuid).map(shown)[0],
    list: async () => nodes.map(shown),
    async runTask(uuid, request) {
      const node = nodes.find((one) => one.uuid === uuid);
      if (!node) throw headErrors.ServerNotFound({ server: uuid });
      if (node.cut) return { outcome: 'unreachable', reason: 'no route to it' };
      const known = outcomes.get(request.id);
      if (known) return await known;
      const outcome = run(node, request);
      outcomes.set(request.id, outcome);
      return await outcome;
    },
    startTask: async () => undefined,
    onReport: (listener) => void listeners.push(listener),
    async report(node, told = {}) {
      const vms = Object.fromEntries([...node.vms].map(([uuid, vm]) => [uuid, inShort(vm)]));
      for (const listener of listeners) await listener({ serverUuid: node.uuid, status: node.cut ? 'unknown' : 'running', vms, ...told });
    },
  };
}

async function run(node: SimulatedNode, { task, params, id }: TaskRequest): Promise<TaskOutcome> {
  await node.hold?.(task);
  if (task !== 'machine_load') node.ran.push({ task, params, id });
  const failure = node.fails?.(task);
  if (failure) return { outcome: 'failure', error: { code: 'TaskFailed', ...failure } };
  return perform(node, task, params);
}

function perform({ vms }: SimulatedNode, task: string, { uuid: given, ...params }: WireObject): TaskOutcome {
  const uuid = String(given);
  const vm = vms.get(uuid);
  const now = new Date().toISOString();
  const become = (changed: WireObject): TaskOutcome => {
    vms.set(uuid, changed);
    return { outcome: 'complete', result: { vm: changed } };
  };
  if (task === 'image_ensure_present') return { outcome: 'complete', result: {} };
  if (task === 'machine_create') {
    if (vm) return { outcome: 'failure', error: { code: 'MachineExists', message: `Machine ${uuid} exists.`, restCode: 'MachineExists' } };
    const { image: _image, archive_on_delete: _archive, ...payload } = params;
    return become({ tags: {}, customer_metadata: {}, internal_metadata: {}, ...payload, uuid, state: 'running', zone_state: 'running', create_timestamp: now, last_modified: now });
  }
  if (task === 'machine_destroy') {
    vms.delete(uuid);
    return { outcome: 'complete', result: {} };
  }
  if (!vm) return { outcome: 'failure', error: { code: 'VmNotFound', message: `VM ${uuid} not found`, restCode: 'VmNotFound' } };
  switch (task) {
    case 'machine_load':
      return { outcome: 'complete', result: vm };
    case 'machine_boot':
    case 'machine_reboot':
      return become({ ...vm, state: 'running', zone_state: 'running' });
    case 'machine_shutdown':
      return become({ ...vm, state: 'stopped', zone_state: 'installed' });
    case 'machine_update':
      return become(updated(vm, params));
    default:
      return { outcome: 'failure', error: { code: 'ResourceNotFound', message: `there is no task ${task}` } };
  }
}

const MAPS = ['tags', 'customer_metadata', 'internal_metadata'];

function updated(vm: WireObject, params: WireObject): WireObject {
  const { add_nics: added = [], remove_nics: removed = [], update_nics: _changed, ...rest } = params as { add_nics?: WireObject[]; remove_nics?: string[]; update_nics?: WireObject[] } & WireObject;
  const nics = [...((vm['nics'] ?? []) as WireObject[]), ...added].filter((nic) => !removed.includes(String(nic['mac'])));
  const result: Record<string, unknown> = { ...vm, nics };
  for (const [name, value] of Object.entries(rest)) {
    const map = MAPS.find((one) => name === `set_${one}` || name === `remove_${one}`);
    if (map === undefined) result[name] = value;
    else if (name.startsWith('set_')) result[map] = { ...(result[map] as WireObject), ...(value as WireObject) };
    else result[map] = Object.fromEntries(Object.entries(result[map] as WireObject).filter(([key]) => !(value as string[]).includes(key)));
  }
  return result;
}

const STATUS = ['uuid', 'owner_uuid', 'brand', 'state', 'zone_state', 'cpu_cap', 'max_physical_memory', 'quota', 'last_modified'];

function inShort(vm: WireObject): WireObject {
  return Object.fromEntries(STATUS.flatMap((name) => (vm[name] === undefined ? [] : [[name, vm[name]]])));
}
