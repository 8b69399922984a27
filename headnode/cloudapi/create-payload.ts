/** From CloudAPI's create parameters to VMAPI's payload (control-plane §3.2). */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { headErrors } from '../errors.ts';
import { booleanParam, uuidParam } from '../http/params.ts';
import type { Account, Accounts, Package, WireObject } from '../services.ts';
import { imageFor, packageFor } from './catalogue.ts';
import { isHvm } from './machine-object.ts';
import { networksFor } from './networks.ts';
import type { CloudApiServices } from './routes.ts';

const scalar = z.union([z.string(), z.number(), z.boolean()]);

const networkEntry = z.union([
  uuidParam.transform((ipv4_uuid) => ({ ipv4_uuid })),
  z.strictObject({ ipv4_uuid: uuidParam, ipv4_ips: z.array(z.ipv4()).length(1).optional(), ipv4_count: z.literal(1).optional(), primary: booleanParam.optional() }),
]);

const createSchema = z.looseObject({
  name: z.string().regex(/^[A-Za-z0-9][\w.-]{0,188}$/, 'must begin with a letter or digit and have at most 189 letters, digits and "_.-"').optional(),
  image: uuidParam,
  package: z.string().min(1),
  networks: z.union([z.array(networkEntry), networkEntry.transform((entry) => [entry])]).optional(),
  brand: z.enum(['joyent', 'joyent-minimal', 'lx', 'kvm', 'bhyve']).optional(),
  affinity: z.array(z.string()).optional(),
  locality: z.record(z.string(), z.unknown()).optional(),
  deletion_protection: booleanParam.optional(),
  delegate_dataset: booleanParam.optional(),
});

/** What there is no way to do yet; asked for, it must not be passed over. */
const UNSUPPORTED: Readonly<Record<string, string>> = { volumes: 'attaching volumes', disks: 'choosing disks', encrypted: 'encrypted storage', firewall_enabled: 'a firewall of its own for a machine' };

/** @throws ZodError, ResourceNotFound for an image or package, InvalidArgument for a network, NotSupported */
export async function createPayload(input: WireObject, account: Account, services: CloudApiServices): Promise<WireObject> {
  const given = createSchema.parse(input);
  for (const [field, what] of Object.entries(UNSUPPORTED)) if (isAskedFor(given[field])) throw headErrors.NotSupported({ what });
  const uuid = randomUUID();
  const image = await imageFor(services.images, given.image, account.uuid);
  const pack = await packageFor(services.packages, given.package, account.uuid);
  const brand = given.brand ?? brandOf(image, pack);
  return {
    uuid,
    owner_uuid: account.uuid,
    alias: given.name ?? uuid.slice(0, 8),
    billing_id: pack.uuid,
    brand,
    ...(isHvm(brand) ? hardware(image, pack) : { image_uuid: given.image }),
    networks: await networkPayload(given.networks, { pack, account, services }),
    customer_metadata: { ...(await authorizedKeys(services.accounts, account)), ...prefixed(given, 'metadata.') },
    tags: prefixed(given, 'tag.'),
    ...(given.affinity && { affinity: given.affinity }),
    ...(given.locality && { locality: given.locality }),
    ...(given.deletion_protection && { indestructible_zoneroot: true }),
    ...(given.delegate_dataset && { delegate_dataset: true }),
  };
}

/** The image's disk, one of the package's size, and the devices that the image has drivers for. */
function hardware(image: WireObject, pack: Package): WireObject {
  const { uuid, disk_driver = 'virtio', nic_driver = 'virtio', cpu_type } = image;
  return { disks: [{ image_uuid: uuid, boot: true }, { size: pack['quota'] }], disk_driver, nic_driver, ...(cpu_type === undefined ? {} : { cpu_type }) };
}

function isAskedFor(value: unknown): boolean {
  return value !== undefined && value !== false && value !== 'false' && !(Array.isArray(value) && value.length === 0);
}

function brandOf(image: WireObject, pack: Package): string {
  const required = (image['requirements'] as { brand?: unknown } | undefined)?.brand;
  if (typeof required === 'string') return required;
  if (typeof pack['brand'] === 'string') return pack['brand'];
  if (image['type'] === 'zvol') return 'kvm';
  if (image['type'] === 'lx-dataset' || image['type'] === 'docker') return 'lx';
  return 'joyent-minimal';
}

/** Those asked for, else the package's, else the one that is called `external`, else the only one. */
async function networkPayload(asked: ReadonlyArray<z.output<typeof networkEntry>> | undefined, { pack, account, services }: { pack: Package; account: Account; services: CloudApiServices }): Promise<readonly WireObject[]> {
  const usable = await networksFor(services.networks, account.uuid);
  const chosen = asked ?? defaultNetworks(usable, pack).map((ipv4_uuid) => ({ ipv4_uuid }));
  const unknown = chosen.find(({ ipv4_uuid }) => !usable.some(({ uuid }) => uuid === ipv4_uuid));
  if (unknown) throw headErrors.InvalidArgument({ reason: `network ${unknown.ipv4_uuid} is not one that this account may use` });
  const primary = Math.max(0, chosen.findIndex((entry) => 'primary' in entry && entry.primary === true));
  return chosen.map((entry, index) => ({ ...entry, ...(index === primary && { primary: true }) }));
}

function defaultNetworks(usable: readonly WireObject[], pack: Package): string[] {
  const ofPackage = (pack['networks'] ?? []) as readonly string[];
  if (ofPackage.length > 0) return [...ofPackage];
  const one = usable.find(({ name }) => name === 'external') ?? (usable.length === 1 ? usable[0] : undefined);
  if (one) return [String(one['uuid'])];
  throw headErrors.InvalidArgument({ reason: usable.length === 0 ? 'there is no network that this account may use' : `networks is required: this account may use ${usable.length} and none of them is called external` });
}

/** The guest lets in who may sign for the account. */
async function authorizedKeys(accounts: Accounts, { uuid }: Account): Promise<WireObject> {
  const keys = await accounts.keys(uuid);
  return keys.length === 0 ? {} : { root_authorized_keys: `${keys.map(({ openssh }) => openssh).join('\n')}\n` };
}

function prefixed(given: Readonly<Record<string, unknown>>, prefix: string): WireObject {
  return Object.fromEntries(Object.entries(given).flatMap(([field, value]) => (field.startsWith(prefix) ? [[field.slice(prefix.length), scalar.parse(value)]] : [])));
}
