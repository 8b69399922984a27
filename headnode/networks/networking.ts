/** A server's `networking.json`: all that it needs to come up on its networks without DHCP (control-plane §5.2). */
import { isIPv4 } from 'node:net';
import type { Sysinfo } from '../../agent/wire/index.ts';
import type { Queries } from '../db/database.ts';
import type { WireObject } from '../services.ts';
import { nicObject, nicsOfHolder, type NicRow } from './nics.ts';

/** Names that are not the networks' to know. */
export interface NetworkingNames {
  readonly hostname?: string;
  readonly datacenterName?: string;
  readonly dnsDomain?: string;
}

/** The same for as long as what is stored is the same, so that its digest tells whether a node must boot anew. */
export async function networkingOf(db: Queries, serverUuid: string, { hostname, datacenterName, dnsDomain }: NetworkingNames = {}): Promise<WireObject> {
  const nics = (await nicsOfHolder(db, serverUuid)).toSorted((one, other) => (one.mac < other.mac ? -1 : 1));
  const names = [...new Set(nics.flatMap(({ nic_tags_provided }) => nic_tags_provided))].sort();
  const tags = await db.query<{ name: string; uuid: string; mtu: number }>('SELECT name, uuid, mtu FROM nic_tags WHERE name = ANY($1::text[]) ORDER BY name', [names]);
  const aggregations = await aggregationsOf(db, serverUuid);
  // Nodes come up with IPv4; what they have besides comes from their routers.
  const withAddress = nics.filter(({ ip }) => ip !== null && isIPv4(ip));
  const main = withAddress.filter(({ is_primary }) => is_primary);
  return {
    nictags: tags.flatMap((tag) => {
      if (aggregations.some(({ nic_tags_provided }) => nic_tags_provided.includes(tag.name))) return tag;
      const mac = nics.find(({ nic_tags_provided }) => nic_tags_provided.includes(tag.name))?.mac;
      return mac === undefined ? [] : { ...tag, mac };
    }),
    admin_tag: main[0]?.nic_tag ?? 'admin',
    resolvers: [...new Set([...main, ...withAddress].flatMap(({ resolvers }) => resolvers ?? []))].slice(0, MOST_RESOLVERS),
    routes: Object.fromEntries(withAddress.flatMap(({ routes }) => Object.entries(routes ?? {}).map(([destination, hop]) => [isIPv4(destination) ? `${destination}/32` : destination, hop]))) as WireObject,
    vnics: withAddress.map(vnic),
    aggregations,
    nictag_rules: [],
    ...(hostname !== undefined && { hostname }),
    ...(datacenterName !== undefined && { datacenter_name: datacenterName }),
    ...(dnsDomain !== undefined && { dns_domain: dnsDomain }),
  };
}

const MOST_RESOLVERS = 8;

interface ShownAggregation {
  readonly name: string;
  readonly lacp_mode: 'active' | 'off';
  readonly macs: readonly string[];
  readonly nic_tags_provided: readonly string[];
}

/** Aggregations are as the server says that it has them: none is made here. */
async function aggregationsOf(db: Queries, serverUuid: string): Promise<ShownAggregation[]> {
  const [server] = await db.query<{ sysinfo: Sysinfo }>('SELECT sysinfo FROM servers WHERE uuid = $1 AND setup', [serverUuid]);
  const interfaces = server?.sysinfo['Network Interfaces'] ?? {};
  return Object.entries(server?.sysinfo['Link Aggregations'] ?? {}).flatMap(([name, aggregation]) => {
    const macs = aggregation.Interfaces.flatMap((member) => interfaces[member]?.['MAC Address'] ?? []);
    return macs.length === 0 ? [] : { name, lacp_mode: aggregation['LACP mode'] === 'off' ? ('off' as const) : ('active' as const), macs, nic_tags_provided: interfaces[name]?.['NIC Names'] ?? [] };
  });
}

function vnic(nic: NicRow): WireObject {
  const { created_timestamp: _created, modified_timestamp: _modified, ...lasting } = nicObject(nic);
  return lasting;
}
