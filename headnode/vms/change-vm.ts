/** Actions on a VM (control-plane §3.1): what is asked is checked here, and done by a job. */
import { validatePayload, type Brand } from '../../vmadm/payload/index.ts';
import { headErrors } from '../errors.ts';
import { InvalidFields } from '../http/invalid-fields.ts';
import type { Asker, WireObject } from '../services.ts';
import { checkAlias } from './check-create.ts';
import type { CreateServices } from './create-vm.ts';
import { packageProperties } from './package-properties.ts';
import { newProblems, shown, type Problems } from './problems.ts';
import { isAliasTaken, readVm } from './store.ts';
import { shownState, type VmRow } from './vm-row.ts';
import { readNetworks, type WantedNic } from './wanted-nics.ts';
import type { MapChange } from './workflows/change.ts';

type Started = { readonly vm_uuid: string; readonly job_uuid: string };

interface Change {
  readonly workflow: string;
  /** Params of the node's task. */
  readonly taskParams: WireObject;
  readonly wanted?: readonly WantedNic[];
  readonly change?: MapChange;
  /** Told of it in the job; nothing that may be secret. */
  readonly told?: WireObject;
}

type Action = (services: CreateServices, vm: VmRow, params: WireObject) => Promise<Change>;

const ACTIONS: Readonly<Record<string, Action>> = {
  start: async (_services, vm, params) => power(vm, params, { workflow: 'start', from: ['stopped', 'unknown'] }),
  stop: async (_services, vm, params) => power(vm, params, { workflow: 'stop', from: ['running', 'unknown'] }),
  reboot: async (_services, vm, params) => power(vm, params, { workflow: 'reboot', from: ['running', 'unknown'] }),
  kill: async (_services, vm, params) => kill(vm, params),
  update,
  add_nics: addNics,
  remove_nics: async (_services, _vm, params) => removeNics(params),
  update_nics: async (_services, _vm, params) => updateNics(params),
};

/** Actions of the field that this version does not have. */
const LATER = ['reprovision', 'create_snapshot', 'rollback_snapshot', 'delete_snapshot', 'create_disk', 'resize_disk', 'delete_disk', 'migrate'];

/** Begin an action. @throws ResourceNotFound, UnallocatedVM, ValidationFailed, Conflict, ActionNotSupported */
export async function actOn(services: CreateServices, uuid: string, request: { readonly action: string; readonly params: WireObject; readonly asker: Asker }): Promise<Started> {
  const { action, params, asker } = request;
  if (LATER.includes(action)) throw headErrors.ActionNotSupported({ action });
  const plan = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
  if (!plan) throw new InvalidFields('ValidationFailed', [{ field: 'action', code: 'Invalid', message: `${shown(action)} is none of ${Object.keys(ACTIONS).join(', ')}` }]);
  const vm = await changeable(services, uuid);
  return await startChange(services, { vm, asker, action, ...(await plan(services, vm, params)) });
}

/** Change tags or metadata; see `Vms.changeMap`. @throws as actOn */
export async function changeMap(services: CreateServices, uuid: string, { change, asker }: { readonly change: MapChange; readonly asker: Asker }): Promise<Started> {
  const vm = await changeable(services, uuid);
  const problems = newProblems();
  for (const [key, value] of Object.entries(change.values ?? {})) {
    if (!['string', 'number', 'boolean'].includes(typeof value)) problems.invalid(key, `${shown(value)} is not text, a number or a boolean`);
  }
  problems.throwIfAny();
  const told = { subtask: subtaskOf(change), keys: Object.keys(change.values ?? {}), ...(change.key !== undefined && { key: change.key }) };
  return await startChange(services, { vm, asker, action: 'update', workflow: 'update', taskParams: {}, change, told });
}

/** As the field's audit names it: all metadata is `metadata`, and removing all is replacing it by nothing. */
function subtaskOf({ how, map, key }: MapChange): string {
  const verb = how === 'merge' ? 'set' : how === 'replace' || key === undefined ? 'replace' : 'remove';
  return `${verb}_${map === 'tags' ? 'tags' : 'metadata'}`;
}

/** Destroy a VM, wherever it has come to. @throws ResourceNotFound, Conflict when it is protected */
export async function destroyVm(services: CreateServices, uuid: string, asker: Asker): Promise<Started> {
  const vm = await existing(services, uuid);
  if (vm.vm['indestructible_zoneroot'] === true || vm.vm['indestructible_delegated'] === true) throw headErrors.Conflict({ reason: `VM ${uuid} is protected from deletion` });
  const job = await services.jobs.start('destroy', {
    params: { task: 'destroy', vm_uuid: uuid, owner_uuid: vm.vm['owner_uuid'] },
    state: { uuid },
    lock: uuid,
    vmUuid: uuid,
    ...(vm.server_uuid !== null && { serverUuid: vm.server_uuid }),
    asker,
  });
  return { vm_uuid: uuid, job_uuid: job.uuid };
}

async function startChange(services: CreateServices, { vm, asker, action, workflow, taskParams, wanted, change, told = {} }: Change & { readonly vm: VmRow; readonly asker: Asker; readonly action: string }): Promise<Started> {
  const { uuid, server_uuid: serverUuid } = vm;
  const owner = vm.vm['owner_uuid'];
  const job = await services.jobs.start(workflow, {
    params: { task: workflow, action, vm_uuid: uuid, owner_uuid: owner, ...told },
    state: { uuid, server_uuid: serverUuid, owner_uuid: owner, task_params: taskParams, ...(wanted && { wanted }), ...(change && { change }) },
    lock: uuid,
    vmUuid: uuid,
    ...(serverUuid !== null && { serverUuid }),
    asker,
  });
  return { vm_uuid: uuid, job_uuid: job.uuid };
}

async function existing({ database }: CreateServices, uuid: string): Promise<VmRow> {
  const vm = await readVm(database, uuid);
  if (!vm) throw headErrors.ResourceNotFound({ what: `VM ${uuid}` });
  if (vm.state === 'destroyed') throw headErrors.ResourceNotFound({ what: `VM ${uuid} (it was destroyed)` });
  return vm;
}

async function changeable(services: CreateServices, uuid: string): Promise<VmRow> {
  const vm = await existing(services, uuid);
  if (vm.held === 'failed') throw headErrors.Conflict({ reason: `VM ${uuid} failed and can only be deleted: ${vm.reason ?? 'its creation came to nothing'}` });
  if (vm.held === 'provisioning' || vm.server_uuid === null) throw headErrors.UnallocatedVM({ vm: uuid });
  return { ...vm, isBusy: await services.jobs.isBusy(uuid) } as VmRow & { readonly isBusy: boolean };
}

/** What is asked of a state that the VM is not in is refused, unless a job that comes before may bring it there. */
function requireState(vm: VmRow & { readonly isBusy?: boolean }, params: WireObject, { workflow, from }: { readonly workflow: string; readonly from: readonly string[] }): void {
  const state = shownState(vm);
  if (isTrue(params['idempotent']) || vm.isBusy || from.includes(state)) return;
  throw headErrors.Conflict({ reason: `cannot ${workflow} VM ${vm.uuid}: it is ${state}` });
}

function power(vm: VmRow, params: WireObject, which: { readonly workflow: string; readonly from: readonly string[] }): Change {
  requireState(vm, params, which);
  const problems = newProblems();
  const timeout = params['timeout'] === undefined ? undefined : Number(params['timeout']);
  if (timeout !== undefined && !(timeout >= 0 && timeout <= 3600)) problems.invalid('timeout', `${shown(params['timeout'])} is not a number of seconds from 0 to 3600`);
  problems.throwIfAny();
  const isStart = which.workflow === 'start';
  const flags = { ...(isTrue(params['idempotent']) && { idempotent: true }), ...(isTrue(params['force']) && !isStart && { force: true }) };
  return { workflow: which.workflow, taskParams: { ...flags, ...(timeout !== undefined && !isStart && { timeout }) } };
}

const KILLS = ['KILL', 'SIGKILL', '9'];

function kill(vm: VmRow, params: WireObject): Change {
  requireState(vm, params, { workflow: 'kill', from: ['running', 'unknown', 'stopping', 'incomplete'] });
  const signal = params['signal'] ?? 'KILL';
  if (!KILLS.includes(String(signal))) throw headErrors.ActionNotSupported({ action: `kill with signal ${shown(signal)}` });
  return { workflow: 'kill', taskParams: { force: true, ...(isTrue(params['idempotent']) && { idempotent: true }) } };
}

/** Given with an update, and not part of it. */
const NOT_PROPERTIES = ['sync', 'idempotent', 'origin', 'creator_uuid', 'context', 'owner_uuid', 'action', 'uuid'];
/** Replaced as a whole by an update, as VMAPI has it. */
const MAPS = ['tags', 'customer_metadata', 'internal_metadata'];
const NICS_BY_ACTION = ['add_nics', 'remove_nics', 'update_nics'];

async function update(services: CreateServices, vm: VmRow, params: WireObject): Promise<Change> {
  const problems = newProblems();
  const { new_owner_uuid: newOwner, billing_id: billing, ...rest } = Object.fromEntries(Object.entries(params).filter(([name]) => !NOT_PROPERTIES.includes(name)));
  for (const name of NICS_BY_ACTION) if (rest[name] !== undefined) problems.invalid(name, `use action=${name}`);
  const brand = String(vm.vm['brand']) as Brand;
  const found = typeof billing === 'string' ? await services.packages.get(billing) : undefined;
  if (billing !== undefined && !found) problems.invalid('billing_id', `there is no package ${shown(billing)}`);
  const payload: Record<string, unknown> = { ...(found && packageProperties(found, brand)), ...rest, ...(newOwner !== undefined && { owner_uuid: newOwner }) };
  for (const map of MAPS) if (payload[map] !== undefined) replaceMap(payload, map, { current: vm.vm[map], problems });
  checkAlias(payload, problems);
  const { alias } = payload as { readonly alias?: string };
  if (alias !== undefined && (await services.database.transaction((queries) => isAliasTaken(queries, String(vm.vm['owner_uuid']), { alias, except: vm.uuid }), { isolation: 'read committed' }))) {
    problems.invalid('alias', `owner ${String(vm.vm['owner_uuid'])} has a VM called ${alias} already`, 'Duplicate');
  }
  const result = await validatePayload('update', brand, payload, { findImage: () => undefined, poolExists: () => true, nicTagExists: () => true });
  for (const field of result.bad_values) problems.invalid(field, 'is not accepted');
  for (const field of result.bad_properties) problems.invalid(field, 'cannot be changed, or there is no such property');
  if (Object.keys(payload).length === 0) problems.invalid('body', 'there is nothing to change');
  problems.throwIfAny();
  return { workflow: 'update', taskParams: payload, told: { properties: Object.keys(payload), ...toldOf(payload) } };
}

/** What the audit tells apart by its value. */
const TOLD = ['alias', 'billing_id', 'ram', 'max_physical_memory', 'quota', 'indestructible_zoneroot', 'firewall_enabled'];

function toldOf(payload: WireObject): WireObject {
  return Object.fromEntries(TOLD.flatMap((name) => (payload[name] === undefined ? [] : [[name, payload[name]]])));
}

function replaceMap(payload: Record<string, unknown>, map: string, { current, problems }: { readonly current: unknown; readonly problems: Problems }): void {
  const values = payload[map];
  delete payload[map];
  if (typeof values !== 'object' || values === null || Array.isArray(values)) return problems.invalid(map, `${shown(values)} is not an object`);
  payload[`set_${map}`] = values;
  const surplus = Object.keys(current ?? {}).filter((key) => !Object.hasOwn(values, key));
  if (surplus.length > 0) payload[`remove_${map}`] = surplus;
}

async function addNics({ networks }: CreateServices, vm: VmRow, params: WireObject): Promise<Change> {
  const problems = newProblems();
  if (params['macs'] !== undefined) throw headErrors.ActionNotSupported({ action: 'add_nics with macs' });
  if (params['networks'] === undefined) problems.missing('networks');
  const wanted = params['networks'] === undefined ? [] : await readNetworks(networks, params['networks'], { ownerUuid: String(vm.vm['owner_uuid']), needsPrimary: false, problems });
  if (params['networks'] !== undefined && wanted.length === 0) problems.invalid('networks', 'must name at least one network');
  problems.throwIfAny();
  return { workflow: 'add_nics', taskParams: {}, wanted, told: { networks: wanted.map(({ network }) => network) } };
}

function removeNics(params: WireObject): Change {
  const { macs } = params;
  const problems = newProblems();
  if (!Array.isArray(macs) || macs.length === 0) problems.invalid('macs', 'must be an array of MAC addresses');
  else for (const [index, mac] of macs.entries()) if (!isMac(mac)) problems.invalid(`macs.${index}`, `${shown(mac)} is not a MAC address`);
  problems.throwIfAny();
  return { workflow: 'remove_nics', taskParams: { remove_nics: macs }, told: { macs } };
}

function updateNics(params: WireObject): Change {
  const { nics } = params;
  const problems = newProblems();
  if (!Array.isArray(nics) || nics.length === 0) problems.invalid('nics', 'must be an array of nics, each with its mac');
  else for (const [index, nic] of (nics as readonly WireObject[]).entries()) if (!isMac(nic?.['mac'])) problems.invalid(`nics.${index}.mac`, `${shown(nic?.['mac'])} is not a MAC address`);
  problems.throwIfAny();
  return { workflow: 'update_nics', taskParams: { update_nics: nics }, told: { macs: (nics as readonly WireObject[]).map((nic) => nic['mac']) } };
}

function isMac(value: unknown): boolean {
  return typeof value === 'string' && /^([0-9a-f]{1,2}:){5}[0-9a-f]{1,2}$/i.test(value);
}

function isTrue(value: unknown): boolean {
  return value === true || value === 'true' || value === '1';
}
