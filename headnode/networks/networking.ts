/** A server's `networking.json`: all that it needs to come up on its networks without DHCP (control-plane §5.2). */
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
  const withAddress = nics.filter(({ ip }) => ip !== null);
  const main = withAddress.filter(({ is_primary }) => is_primary);
  return {
    nictags: tags.map((tag) => ({ ...tag, mac: nics.find(({ nic_tags_provided }) => nic_tags_provided.includes(tag.name))?.mac })),
    admin_tag: main[0]?.nic_tag ?? 'admin',
    resolvers: [...new Set([...main, ...withAddress].flatMap(({ resolvers }) => resolvers ?? []))],
    routes: Object.assign({}, ...withAddress.map(({ routes }) => routes ?? {})) as WireObject,
    vnics: withAddress.map(vnic),
    aggregations: [],
    nictag_rules: [],
    ...(hostname !== undefined && { hostname }),
    ...(datacenterName !== undefined && { datacenter_name: datacenterName }),
    ...(dnsDomain !== undefined && { dns_domain: dnsDomain }),
  };
}

function vnic(nic: NicRow): WireObject {
  const { created_timestamp: _created, modified_timestamp: _modified, ...lasting } = nicObject(nic);
  return lasting;
}
