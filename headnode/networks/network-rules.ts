/** What a network may be: the parameters of NAPI's networks and how they must fit together (control-plane §4). */
import { z } from 'zod';
import type { FieldError } from '../http/invalid-fields.ts';
import { isInSubnet, parseAddress, parseSubnet, subnetText, type Subnet } from './addresses.ts';
import { invalid, invalidParameters } from './field-errors.ts';
import { address, description, flag, integer, list, networkName, owner, paging, subnet, tagName, uuid } from './values.ts';

const routes = z.record(z.string(), z.string(), { error: 'must be an object of destination and next hop' });
const changeable = {
  gateway: address.optional(),
  resolvers: list(address, 8).optional(),
  routes: routes.optional(),
  owner_uuids: list(owner).optional(),
  description: description.optional(),
  mtu: integer(576, 9000).optional(),
};

export const newNetwork = z.strictObject({
  uuid: uuid.optional(),
  name: networkName,
  family: z.enum(['ipv4', 'ipv6'], { error: 'must be ipv4 or ipv6' }).optional(),
  subnet,
  nic_tag: tagName,
  vlan_id: integer(0, 4094),
  provision_start_ip: address,
  provision_end_ip: address,
  ...changeable,
});

export const networkChange = z.strictObject({
  name: networkName.optional(),
  provision_start_ip: address.optional(),
  provision_end_ip: address.optional(),
  ...changeable,
  gateway: z.preprocess((value) => (value === '' ? null : value), address.nullable()).optional(),
});

export const networkFilter = z.strictObject({
  uuid: list(uuid, 1000).optional(),
  name: list(networkName, 1000).optional(),
  nic_tag: list(tagName, 1000).optional(),
  vlan_id: list(integer(0, 4094), 1000).optional(),
  family: z.enum(['ipv4', 'ipv6'], { error: 'must be ipv4 or ipv6' }).optional(),
  provisionable_by: owner.optional(),
  owner_uuid: list(owner).optional(),
  owner_uuids: list(owner).optional(),
  fabric: flag.optional(),
  ...paging,
});

export interface CheckedNetwork {
  readonly family: 4 | 6;
  readonly subnet: string;
  /** What is kept as it is and never searched for. */
  readonly more: { readonly resolvers: readonly string[]; readonly routes: Readonly<Record<string, string>>; readonly description?: string; readonly mtu?: number };
}

/** See that the parts of a network fit together. @throws InvalidParameters with all that does not */
export function checkNetwork(network: z.output<typeof newNetwork>): CheckedNetwork {
  const parsed = parseSubnet(network.subnet);
  // The schema has seen that it is one.
  if (!parsed) throw new Error(`not a subnet: ${network.subnet}`);
  const wrong = [...wrongSubnet(network, parsed), ...wrongRange(network, parsed), ...wrongGateway(network, parsed), ...wrongRoutes(network.routes ?? {}, parsed)];
  if (wrong.length > 0) throw invalidParameters(...wrong);
  const more = {
    resolvers: [...new Set(network.resolvers ?? [])],
    routes: network.routes ?? {},
    ...(network.description !== undefined && { description: network.description }),
    ...(network.mtu !== undefined && { mtu: network.mtu }),
  };
  return { family: parsed.family, subnet: subnetText(parsed), more };
}

type NetworkParameters = z.output<typeof newNetwork>;

function wrongSubnet({ subnet: text, family }: NetworkParameters, parsed: Subnet): FieldError[] {
  const own = parseAddress(text.slice(0, text.lastIndexOf('/')));
  if (own?.value !== parsed.first) return [invalid('subnet', `${text} has bits beyond its prefix: the subnet is ${subnetText(parsed)}`)];
  const actual = parsed.family === 4 ? 'ipv4' : 'ipv6';
  return family === undefined || family === actual ? [] : [invalid('family', `${text} is ${actual}, not ${family}`)];
}

function wrongRange({ provision_start_ip: start, provision_end_ip: end, subnet: text }: NetworkParameters, parsed: Subnet): FieldError[] {
  const outside = Object.entries({ provision_start_ip: start, provision_end_ip: end }).filter(([, ip]) => !isUsable(ip, parsed));
  if (outside.length > 0) return outside.map(([field, ip]) => invalid(field, `${ip} is not an address for hosts in ${text}`));
  if (valueOf(start) > valueOf(end)) return [invalid('provision_end_ip', `${end} comes before provision_start_ip ${start}`)];
  return [];
}

function wrongGateway({ gateway, subnet: text }: NetworkParameters, parsed: Subnet): FieldError[] {
  return gateway === undefined || isUsable(gateway, parsed) ? [] : [invalid('gateway', `${gateway} is not an address for hosts in ${text}`)];
}

function wrongRoutes(given: Readonly<Record<string, string>>, { family }: Subnet): FieldError[] {
  return Object.entries(given).flatMap(([destination, nextHop]) => {
    const to = destination.includes('/') ? parseSubnet(destination) : parseAddress(destination);
    const via = parseAddress(nextHop);
    if (to?.family === family && via?.family === family) return [];
    return [invalid('routes', `${destination.slice(0, 60)} by ${nextHop.slice(0, 60)} must be an address or subnet and a next hop, both of the network's family`)];
  });
}

/** Whether a host can have the address: neither the first nor the last of the subnet, which in IPv6 are for anycast. */
function isUsable(text: string, parsed: Subnet): boolean {
  const ip = parseAddress(text);
  if (!ip || !isInSubnet(ip, parsed)) return false;
  const hasOnlyHosts = parsed.prefix >= (parsed.family === 4 ? 31 : 127);
  return hasOnlyHosts || (ip.value !== parsed.first && ip.value !== parsed.last);
}

function valueOf(text: string): bigint {
  return parseAddress(text)?.value ?? 0n;
}
