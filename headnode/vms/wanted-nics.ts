/** The `networks` of a request (control-plane §3.2), and the nics that come of them. */
import { isUuid } from '../../host/config/units.ts';
import type { Networks, WireObject } from '../services.ts';
import { shown, type Problems } from './problems.ts';

/** A nic that a VM is to have. */
export interface WantedNic {
  /** Uuid of a network or pool. */
  readonly network: string;
  readonly primary: boolean;
  readonly ip?: string;
  /** The network's tag, or a pool's when all its networks have the same; else those of which one is enough. */
  readonly nicTags: readonly string[];
  /** `allow_ip_spoofing` and its like. */
  readonly flags: WireObject;
}

const FLAGS = ['allow_dhcp_spoofing', 'allow_ip_spoofing', 'allow_mac_spoofing', 'allow_restricted_traffic', 'allow_unfiltered_promisc'];
const MOST_NICS = 32;

/**
 * Read `networks` and look each one up. What is wrong goes to `problems`.
 * @param options.needsPrimary whether the first one is primary when none says so
 */
export async function readNetworks(networks: Networks, given: unknown, options: { readonly ownerUuid: string; readonly needsPrimary: boolean; readonly problems: Problems }): Promise<readonly WantedNic[]> {
  const { problems, needsPrimary } = options;
  const entries = typeof given === 'string' ? given.split(',') : given;
  if (!Array.isArray(entries)) {
    problems.invalid('networks', 'must be an array of network uuids or objects');
    return [];
  }
  if (entries.length > MOST_NICS) {
    problems.invalid('networks', `at most ${MOST_NICS} are possible, not ${entries.length}`);
    return [];
  }
  const wanted: WantedNic[] = [];
  for (const [index, entry] of entries.entries()) {
    const nic = await readEntry(networks, entry, { ...options, field: `networks.${index}` });
    if (nic) wanted.push(nic);
  }
  if (wanted.filter(({ primary }) => primary).length > 1) problems.invalid('networks', 'only one of them can be primary');
  return needsPrimary && !wanted.some(({ primary }) => primary) ? wanted.map((nic, index) => ({ ...nic, primary: index === 0 })) : wanted;
}

/** What placement has to know of nics: tags that a server must have, and sets of which it must have one each. */
export function nicTagsOf(wanted: readonly WantedNic[]): { readonly nicTags: readonly string[]; readonly nicTagRequirements: ReadonlyArray<readonly string[]> } {
  const single = wanted.flatMap(({ nicTags }) => (nicTags.length === 1 ? nicTags : []));
  return { nicTags: [...new Set(single)], nicTagRequirements: wanted.flatMap(({ nicTags }) => (nicTags.length > 1 ? [nicTags] : [])) };
}

const NIC_PROPERTIES = ['mac', 'ip', 'netmask', 'gateway', 'nic_tag', 'vlan_id', 'network_uuid', 'mtu', 'model'];

/** A nic of vmadm's payload from NAPI's object and what was wanted. */
export function payloadNic(nic: WireObject, { primary, flags }: Pick<WantedNic, 'primary' | 'flags'>): WireObject {
  const kept = NIC_PROPERTIES.flatMap((name) => (isSet(nic[name]) ? [[name, nic[name]]] : []));
  return { ...Object.fromEntries(kept), ...flags, ...(primary && { primary: true }) };
}

/** Name servers and routes that come with nics; the primary one's name servers first. */
export function guestNetworking(nics: readonly WireObject[]): { readonly resolvers?: readonly string[]; readonly routes?: WireObject } {
  const ordered = [...nics].sort((one, other) => Number(other['primary'] === true) - Number(one['primary'] === true));
  const resolvers = [...new Set(ordered.flatMap((nic) => (Array.isArray(nic['resolvers']) ? nic['resolvers'].map(String) : [])))];
  const routes = Object.assign({}, ...[...ordered].reverse().map((nic) => nic['routes'] ?? {})) as WireObject;
  return { ...(resolvers.length > 0 && { resolvers }), ...(Object.keys(routes).length > 0 && { routes }) };
}

interface Reading {
  readonly ownerUuid: string;
  readonly problems: Problems;
  readonly field: string;
}

async function readEntry(networks: Networks, entry: unknown, { ownerUuid, problems, field }: Reading): Promise<WantedNic | undefined> {
  const given = typeof entry === 'string' ? { uuid: entry } : isObject(entry) ? entry : undefined;
  const name = given && (given['ipv4_uuid'] ?? given['uuid'] ?? given['name']);
  if (!given || typeof name !== 'string' || name.length > 128) {
    problems.invalid(field, `must be a network's uuid or an object with uuid, ipv4_uuid or name, not ${shown(entry)}`);
    return undefined;
  }
  const ip = addressOf(given);
  if (ip === 'too many') problems.invalid(`${field}.ipv4_ips`, 'one address is possible on a network');
  if (isSet(given['ipv4_count']) && Number(given['ipv4_count']) !== 1) problems.invalid(`${field}.ipv4_count`, 'must be 1');
  const byUuid = given['name'] === undefined || name !== given['name'];
  const network = byUuid && !isUuid(name) ? undefined : await networks.get(name);
  if (!network || !mayUse(network, ownerUuid)) {
    problems.invalid(field, `network ${shown(name)} is not one that owner ${ownerUuid} may use`);
    return undefined;
  }
  return {
    network: String(network['uuid']),
    primary: given['primary'] === true || given['primary'] === 'true',
    ...(ip !== undefined && ip !== 'too many' && { ip }),
    nicTags: tagsOf(network),
    flags: Object.fromEntries(FLAGS.flatMap((flag) => (given[flag] === true || given[flag] === 'true' ? [[flag, true]] : []))),
  };
}

function addressOf(given: WireObject): string | 'too many' | undefined {
  const several = given['ipv4_ips'];
  if (Array.isArray(several) && several.length > 1) return 'too many';
  const ip = Array.isArray(several) ? several[0] : given['ip'];
  return typeof ip === 'string' && ip !== '' ? ip : undefined;
}

/** Networks without owners are for everyone. */
function mayUse(network: WireObject, ownerUuid: string): boolean {
  const owners = network['owner_uuids'];
  return !Array.isArray(owners) || owners.length === 0 || owners.includes(ownerUuid);
}

function tagsOf(network: WireObject): readonly string[] {
  const present = network['nic_tags_present'];
  if (Array.isArray(present) && present.length > 0) return present.map(String);
  return typeof network['nic_tag'] === 'string' ? [network['nic_tag']] : [];
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}

function isObject(value: unknown): value is WireObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
