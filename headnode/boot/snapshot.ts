/**
 * What the boot service answers from: all that DHCP, scripts and boot modules need, and nothing that a stranger on the
 * admin network may not know. It is looked up in the database (`look-up.ts`), kept in memory and as files (`cache.ts`),
 * and every answer is made of it alone, so that a database that is down changes no answer.
 */
import { isIPv4 } from 'node:net';
import { z } from 'zod';
import { isUuid } from '../../host/config/units.ts';
import { parseNetworking } from '../../host/net/networking.ts';
import { bootParamsSchema } from './boot-params.ts';

const ipv4 = z.string().refine(isIPv4, { error: 'must be an IPv4 address' });
const mac = z.string().regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/);
/** A DNS label: also as a machine is called that nobody has named yet, `52-54-00-12-34-56`. */
const hostname = z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/);
const uuid = z.string().refine(isUuid);

/** What is the same for all machines. */
export const siteSchema = z.strictObject({
  datacenter: z.string(),
  /** The admin network. */
  network: z.strictObject({ uuid, subnet: z.string(), netmask: ipv4, gateway: ipv4.optional(), resolvers: z.array(ipv4) }),
  /** How machines find and know the head nodes: content of `head.json`. */
  head: z.strictObject({ heads: z.array(z.url({ protocol: /^https$/ })), ca_sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
});
export type Site = z.output<typeof siteSchema>;

/** A machine that is known by the MAC address of its nic on the admin network. */
export const machineSchema = z.strictObject({
  mac,
  ip: ipv4,
  hostname,
  /** Undefined for a machine that has not said yet who it is. */
  server: uuid.optional(),
  params: bootParamsSchema,
  /** `networking.json`, checked; undefined when what is stored makes none that a node would take. */
  networking: z.unknown().transform((document) => (document === undefined ? undefined : parseNetworking(document))).optional(),
  /** The next boot is another one than usual: which, the database says, once. */
  pending: z.boolean().optional(),
});
export type Machine = z.output<typeof machineSchema>;

export interface Snapshot {
  readonly site: Site;
  /** By MAC address. */
  readonly machines: ReadonlyMap<string, Machine>;
}

/** The name of a machine that nobody has named. */
export function dashed(macAddress: string): string {
  return macAddress.replaceAll(':', '-');
}
