/**
 * `networking.json`: all that a node needs to come up on its networks (control-plane §5.2). A boot server hands it out as
 * a boot module, the wizard and the answers file make one, and the pool keeps the last that was used.
 *
 * What is in it goes into commands and files of the host, so every value has one narrow form. Properties of NAPI's nics
 * and nic tags that say nothing to a node are dropped; every other unknown one is a mistake.
 */
import { isIP, isIPv4 } from 'node:net';
import { z } from 'zod';
import { hostErrors } from '../errors/host-errors.ts';
import { findingsIn } from './networking-rules.ts';

const macAddress = z
  .string({ error: 'must be a MAC address' })
  .toLowerCase()
  // The lowest bit of the first byte is set in addresses of groups.
  .regex(/^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/, { error: 'must be the MAC address of one interface, like 52:54:00:12:34:56' })
  .refine((text) => text !== '00:00:00:00:00:00', { error: 'must be the MAC address of one interface' });
const ipv4 = z.string().refine(isIPv4, { error: 'must be an IPv4 address' });
const ip = z.string().refine((text) => isIP(text) !== 0 && !text.includes('%'), { error: 'must be an IP address' });
const dnsName = z
  .string()
  .max(253, { error: 'must have at most 253 characters' })
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i, { error: 'must be a DNS name' });
const host = z.union([ip, dnsName], { error: 'must be an IP address or a DNS name' });
const tagName = z.string().regex(/^[A-Za-z0-9_]{1,31}$/, { error: 'must have 1 to 31 letters, digits and "_"' });
const mtu = z.int().min(576, { error: 'must be 576 at least' }).max(9216, { error: 'must be 9216 at most' });
const uuid = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, { error: 'must be a uuid' });
const ignored = (...names: readonly string[]) => Object.fromEntries(names.map((name) => [name, z.unknown().optional()]));

const nicTagSchema = z
  .strictObject({
    name: tagName,
    /** The interface that it is on; none when an aggregation provides it. */
    mac: macAddress.optional(),
    mtu: mtu.optional(),
    uuid: uuid.optional(),
    ...ignored('created_timestamp', 'modified_timestamp'),
  })
  .transform(({ name, mac, mtu: bytes, uuid: id }) => without({ name, mac, mtu: bytes, uuid: id }));

const vnicSchema = z
  .strictObject({
    /** What others see it as; those of one network are seen as the primary one, else the first. */
    mac: macAddress,
    nic_tag: tagName,
    ip: z.string().refine((text) => text === 'dhcp' || isIPv4(text), { error: 'must be an IPv4 address or "dhcp"' }),
    /** Required unless the address comes by DHCP. */
    netmask: ipv4.optional(),
    gateway: ipv4.optional(),
    vlan_id: z.int().min(0).max(4094, { error: 'must be a VLAN id from 0 to 4094' }).default(0),
    /** Its gateway is the way out, unless `routes` names one. */
    primary: z.boolean().default(false),
    mtu: mtu.optional(),
    ...ignored(
      ...['owner_uuid', 'belongs_to_uuid', 'belongs_to_type', 'state', 'cn_uuid', 'nic_tags_provided', 'network_uuid', 'resolvers', 'routes', 'gateways', 'ips', 'model', 'underlay'],
      ...['allow_dhcp_spoofing', 'allow_ip_spoofing', 'allow_mac_spoofing', 'allow_restricted_traffic', 'allow_unfiltered_promisc', 'created_timestamp', 'modified_timestamp'],
    ),
  })
  .transform(({ mac, nic_tag, ip: address, netmask, gateway, vlan_id, primary, mtu: bytes }) => ({ ...without({ mac, nic_tag, ip: address, netmask, gateway, mtu: bytes }), vlan_id, primary }));

const aggregationSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9]{0,14}$/, { error: 'must be an interface name of at most 15 lower-case letters and digits' })
    .refine((name) => name !== 'lo' && !name.startsWith('zw'), { error: 'must not be "lo" nor begin with "zw"' }),
  lacp_mode: z.enum(['off', 'active', 'passive']).default('off'),
  macs: z.array(macAddress).min(1).max(8),
  nic_tags_provided: z.array(tagName).max(32).default([]),
  ...ignored('id', 'belongs_to_uuid'),
}).transform(({ name, lacp_mode, macs, nic_tags_provided }) => ({ name, lacp_mode, macs, nic_tags_provided }));

export const networkingSchema = z
  .strictObject({
    hostname: dnsName.optional(),
    datacenter_name: z.string().regex(/^[A-Za-z0-9][\w.-]{0,62}$/, { error: 'must have at most 63 letters, digits and "_.-"' }).optional(),
    dns_domain: dnsName.optional(),
    /** The tag whose network the agent listens on. */
    admin_tag: tagName.default('admin'),
    resolvers: z.array(ip).max(8).default([]),
    ntp_hosts: z.array(host).max(8).optional(),
    /** Destination, `default` or a subnet, to the next hop. */
    routes: z.record(z.string(), ipv4).default({}),
    nictags: z.array(nicTagSchema).max(64),
    vnics: z.array(vnicSchema).max(64),
    aggregations: z.array(aggregationSchema).max(16).default([]),
    nictag_rules: z.unknown().optional(),
  })
  .check(({ value, issues }) => {
    // Values that are wrong by themselves cannot be compared.
    if (issues.length > 0) return;
    for (const { path, message } of findingsIn(value)) issues.push({ code: 'custom', path: [...path], message, input: value });
  })
  .transform(({ nictag_rules: _, ...document }): Networking => document);

/** A nic tag of the node. */
export interface NetworkingTag {
  readonly name: string;
  readonly mac?: string | undefined;
  readonly mtu?: number | undefined;
  readonly uuid?: string | undefined;
}

/** An address of the node itself on a nic tag's network. */
export interface NetworkingVnic {
  readonly mac: string;
  readonly nic_tag: string;
  /** An IPv4 address, or `dhcp`. */
  readonly ip: string;
  readonly netmask?: string | undefined;
  readonly gateway?: string | undefined;
  /** 0 for none. */
  readonly vlan_id: number;
  readonly primary: boolean;
  readonly mtu?: number | undefined;
}

/** Several interfaces that are used as one. */
export interface NetworkingAggregation {
  readonly name: string;
  readonly lacp_mode: 'off' | 'active' | 'passive';
  readonly macs: readonly string[];
  readonly nic_tags_provided: readonly string[];
}

export interface Networking {
  readonly hostname?: string | undefined;
  readonly datacenter_name?: string | undefined;
  readonly dns_domain?: string | undefined;
  readonly admin_tag: string;
  readonly resolvers: readonly string[];
  readonly ntp_hosts?: readonly string[] | undefined;
  readonly routes: Readonly<Record<string, string>>;
  readonly nictags: readonly NetworkingTag[];
  readonly vnics: readonly NetworkingVnic[];
  readonly aggregations: readonly NetworkingAggregation[];
}

/** What may be written by hand: what has a default may be left out. */
export type NetworkingInput = z.input<typeof networkingSchema>;

/** Check a document. @throws NetworkingInvalid that names everything which is wrong */
export function parseNetworking(value: unknown): Networking {
  const { data, error } = networkingSchema.safeParse(value);
  if (data) return data;
  throw hostErrors.NetworkingInvalid({ reason: error.issues.map(({ path, message }) => `${path.length > 0 ? `${path.map((part) => printable(String(part))).join('.')}: ` : ''}${printable(message)}`).join('; ') });
}

/** Read a document from its text. @throws NetworkingInvalid */
export function parseNetworkingText(text: string): Networking {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw hostErrors.NetworkingInvalid({ reason: 'it is not JSON' }, { cause: error });
  }
  return parseNetworking(value);
}

/** An unknown key is repeated in the error; on a console it must not be more than text. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 200);
}

function without<Fields extends object>(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Fields;
}
