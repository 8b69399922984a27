/**
 * Checking the parameters of a create (control-plane §3.2) as far as a head node can: what is asked for exists, may be used by its
 * owner, and passes vmadm's own validator. The node's vmadm validates again with all that the node knows.
 */
import { isUuid } from '../../host/config/units.ts';
import { validatePayload, type Brand, type ImageFacts } from '../../vmadm/payload/index.ts';
import type { Images, Networks, Packages, Servers, WireObject } from '../services.ts';
import { packageProperties } from './package-properties.ts';
import { newProblems, shown, type Problems } from './problems.ts';
import { readNetworks, type WantedNic } from './wanted-nics.ts';

export interface CreateDependencies {
  readonly images: Images;
  readonly networks: Networks;
  readonly packages: Packages;
  readonly servers: Servers;
}

export interface CheckedCreate {
  /** A payload for vmadm without nics. */
  readonly payload: WireObject & { readonly owner_uuid: string; readonly brand: Brand };
  readonly wanted: readonly WantedNic[];
  readonly image: WireObject | undefined;
  /** The server that was asked for. */
  readonly serverUuid: string | undefined;
  /** For placement alone: locality, affinity. */
  readonly placement: WireObject;
}

const BRANDS = ['bhyve', 'joyent', 'joyent-minimal', 'kvm', 'lx'];
const HVM = ['bhyve', 'kvm'];
const FOR_PLACEMENT = ['locality', 'affinity'];
/** Understood here, or about the request and not about the VM. */
const NOT_PAYLOAD = [...FOR_PLACEMENT, 'networks', 'server_uuid', 'sync', 'context', 'origin', 'creator_uuid', 'idempotent', 'package', 'image', 'state', 'nics'];

/** Check a create. @throws ValidationFailed with everything that is wrong */
export async function checkCreate(dependencies: CreateDependencies, given: WireObject): Promise<CheckedCreate> {
  const problems = newProblems();
  const owner = requiredUuid(given, 'owner_uuid', problems);
  const brand = brandOf(given, problems);
  const serverUuid = await serverOf(dependencies.servers, given, problems);
  const wanted = await wantedNics(dependencies.networks, given, { owner, problems });
  const fromPackage = await packageOf(dependencies.packages, given, { brand, problems });
  const image = await imageOf(dependencies.images, given, { brand, owner, problems });
  // Without these nothing more can be said.
  problems.throwIfAny();
  const payload = { ...fromPackage, ...fromImage(image, brand), ...withoutOurs(given), owner_uuid: owner as string, brand: brand as Brand };
  checkMemory(payload, problems);
  checkAlias(payload, problems);
  await checkPayload(payload, dependencies.images, problems);
  problems.throwIfAny();
  return { payload, wanted, image, serverUuid, placement: picked(given, FOR_PLACEMENT) };
}

/** An alias as VMAPI takes it (§3.2). */
export function checkAlias({ alias }: WireObject, problems: Problems): void {
  if (alias === undefined) return;
  if (typeof alias !== 'string' || !/^[A-Za-z0-9][\w.-]{0,188}$/.test(alias)) {
    problems.invalid('alias', `${shown(alias)} must begin with a letter or digit and have at most 189 letters, digits and "_.-"`);
  }
}

function requiredUuid(given: WireObject, field: string, problems: Problems): string | undefined {
  const value = given[field];
  if (value === undefined || value === null || value === '') problems.missing(field);
  else if (!isUuid(value)) problems.invalid(field, `${shown(value)} is not a uuid in lower case`);
  return isUuid(value) ? value : undefined;
}

function brandOf({ brand }: WireObject, problems: Problems): string | undefined {
  if (brand === undefined) problems.missing('brand');
  else if (!BRANDS.includes(String(brand))) problems.invalid('brand', `${shown(brand)} is none of ${BRANDS.join(', ')}`);
  return typeof brand === 'string' && BRANDS.includes(brand) ? brand : undefined;
}

async function serverOf(servers: Servers, given: WireObject, problems: Problems): Promise<string | undefined> {
  if (given['server_uuid'] === undefined) return undefined;
  const uuid = requiredUuid(given, 'server_uuid', problems);
  if (uuid === undefined) return undefined;
  const server = await servers.get(uuid);
  if (!server) problems.invalid('server_uuid', `there is no server ${uuid}`);
  else if (!server.setup) problems.invalid('server_uuid', `server ${uuid} is not set up`);
  else if (server.status !== 'running') problems.invalid('server_uuid', `server ${uuid} is ${server.status}`);
  return uuid;
}

async function wantedNics(networks: Networks, given: WireObject, { owner, problems }: { readonly owner: string | undefined; readonly problems: Problems }): Promise<readonly WantedNic[]> {
  if (given['networks'] === undefined) problems.missing('networks');
  if (given['networks'] === undefined || owner === undefined) return [];
  return await readNetworks(networks, given['networks'], { ownerUuid: owner, needsPrimary: true, problems });
}

interface Checking {
  readonly brand: string | undefined;
  readonly problems: Problems;
}

async function packageOf(packages: Packages, given: WireObject, { brand, problems }: Checking): Promise<WireObject> {
  const id = given['billing_id'];
  if (id === undefined) {
    if (given['ram'] === undefined && given['max_physical_memory'] === undefined) problems.invalid('ram', 'ram or billing_id is required', 'MissingParameter');
    return {};
  }
  const found = isUuid(id) ? await packages.get(id) : undefined;
  if (!found) problems.invalid('billing_id', `there is no package ${shown(id)}`);
  return found && brand ? packageProperties(found, brand) : {};
}

async function imageOf(images: Images, given: WireObject, { brand, owner, problems }: Checking & { readonly owner: string | undefined }): Promise<WireObject | undefined> {
  const isHvm = brand !== undefined && HVM.includes(brand);
  const [disk] = Array.isArray(given['disks']) ? (given['disks'] as readonly unknown[]) : [];
  const uuid = isHvm ? (disk as WireObject | undefined)?.['image_uuid'] : given['image_uuid'];
  const field = isHvm ? 'disks.0.image_uuid' : 'image_uuid';
  if (uuid === undefined) {
    // A machine may boot from empty disks.
    if (!isHvm || !disk) problems.missing(isHvm ? 'disks' : field);
    return undefined;
  }
  if (!isUuid(uuid)) {
    problems.invalid(field, `${shown(uuid)} is not a uuid in lower case`);
    return undefined;
  }
  const image = await images.get(uuid, { account: owner });
  if (!image) problems.invalid(field, `there is no image ${uuid} that this owner may use`);
  else if (image['state'] !== undefined && image['state'] !== 'active') problems.invalid(field, `image ${uuid} is ${String(image['state'])}`);
  return image;
}

/** Guests of brand lx are told a kernel's version; images say which one they expect. */
const USUAL_KERNEL = '5.10.0';

function fromImage(image: WireObject | undefined, brand: string | undefined): WireObject {
  if (brand !== 'lx') return {};
  const { kernel_version: wanted } = (image?.['tags'] ?? {}) as WireObject;
  return { kernel_version: typeof wanted === 'string' ? wanted : USUAL_KERNEL };
}

function checkMemory(payload: WireObject, problems: Problems): void {
  const memory = Number(payload['ram'] ?? payload['max_physical_memory']);
  if (!(memory > 0)) problems.invalid('ram', `${shown(payload['ram'] ?? payload['max_physical_memory'])} is not a number of MiB greater than 0`);
}

/** Vmadm's own validator, except for what only a node knows: its pools and nic tags. */
async function checkPayload(payload: CheckedCreate['payload'], images: Images, problems: Problems): Promise<void> {
  const result = await validatePayload('create', payload.brand, payload, {
    findImage: async (uuid) => (await images.get(uuid)) as unknown as ImageFacts | undefined,
    poolExists: () => true,
    nicTagExists: () => true,
  });
  for (const field of result.bad_values) problems.invalid(field, lineOf(field, result.details));
  for (const field of result.bad_properties) problems.invalid(field, lineOf(field, result.warnings).replace(/; it is ignored$/, ''));
  for (const field of result.missing_properties) problems.missing(field);
}

function lineOf(field: string, lines: readonly string[]): string {
  const line = lines.find((one) => one.startsWith(`${field}: `));
  return line?.slice(field.length + 2) ?? 'is not accepted';
}

function withoutOurs(given: WireObject): WireObject {
  return Object.fromEntries(Object.entries(given).filter(([name, value]) => !NOT_PAYLOAD.includes(name) && value !== undefined && value !== null));
}

function picked(given: WireObject, names: readonly string[]): WireObject {
  return Object.fromEntries(names.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]])));
}
