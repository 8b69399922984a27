/** Nics as they are stored, found, changed and taken away. */
import type { Database, Queries } from '../db/database.ts';
import { headErrors } from '../errors.ts';
import type { WireObject } from '../services.ts';
import { formatAddress, netmaskText, parseAddress, parseSubnet } from './addresses.ts';
import { invalid, invalidParameters, readParameters } from './field-errors.ts';
import { getNetwork } from './networks.ts';
import { KEPT, nicChange, nicFilter } from './nic-rules.ts';
import { freeAddressesOf, takeNextAddress, takeThisAddress } from './take-address.ts';
import { mac as macSchema } from './values.ts';

/** A nic with what its network says. */
export interface NicRow {
  readonly mac: string;
  readonly belongs_to_uuid: string;
  readonly belongs_to_type: string;
  readonly owner_uuid: string;
  readonly network_uuid: string | null;
  readonly ip: string | null;
  readonly slot: number | null;
  readonly is_primary: boolean;
  readonly state: string;
  readonly cn_uuid: string | null;
  readonly nic_tag: string | null;
  readonly vlan_id: number | null;
  readonly nic_tags_provided: readonly string[];
  readonly more: WireObject;
  readonly created_at: Date;
  readonly modified_at: Date;
  readonly subnet: string | null;
  readonly gateway: string | null;
  readonly resolvers: readonly string[] | null;
  readonly routes: Readonly<Record<string, string>> | null;
  readonly mtu: number | null;
}

export const NICS = `
  SELECT c.mac, c.belongs_to_uuid, c.belongs_to_type, c.owner_uuid, c.network_uuid, host(c.ip) AS ip, c.slot, c.is_primary, c.state, c.cn_uuid,
    c.nic_tag, c.vlan_id, c.nic_tags_provided, c.more, c.created_at, c.modified_at, n.subnet::text AS subnet, host(n.gateway) AS gateway,
    n.more->'resolvers' AS resolvers, n.more->'routes' AS routes, COALESCE((n.more->>'mtu')::integer, t.mtu) AS mtu
  FROM nics c LEFT JOIN networks n ON n.uuid = c.network_uuid LEFT JOIN nic_tags t ON t.name = c.nic_tag`;

/** A nic as it is on the wire. `ips` and `gateways` are as a payload for `vmadm` has them. */
export function nicObject(nic: NicRow): WireObject {
  const subnet = nic.subnet === null ? undefined : parseSubnet(nic.subnet);
  const address = nic.ip === null ? undefined : parseAddress(nic.ip);
  return {
    mac: nic.mac,
    primary: nic.is_primary,
    owner_uuid: nic.owner_uuid,
    belongs_to_uuid: nic.belongs_to_uuid,
    belongs_to_type: nic.belongs_to_type,
    state: nic.state,
    ...(nic.cn_uuid !== null && { cn_uuid: nic.cn_uuid }),
    ...(nic.nic_tag !== null && { nic_tag: nic.nic_tag }),
    ...(nic.vlan_id !== null && { vlan_id: nic.vlan_id }),
    ...(nic.nic_tags_provided.length > 0 && { nic_tags_provided: nic.nic_tags_provided }),
    ...(nic.mtu !== null && { mtu: nic.mtu }),
    ...(nic.network_uuid !== null && { network_uuid: nic.network_uuid, resolvers: nic.resolvers ?? [] }),
    ...(nic.network_uuid !== null && nic.routes && Object.keys(nic.routes).length > 0 && { routes: nic.routes }),
    ...(nic.gateway !== null && { gateway: nic.gateway, gateways: [nic.gateway] }),
    ...(address && { ip: formatAddress(address) }),
    ...(address && subnet && { netmask: netmaskText(subnet), ips: [`${formatAddress(address)}/${subnet.prefix}`] }),
    ...nic.more,
    created_timestamp: nic.created_at.toISOString(),
    modified_timestamp: nic.modified_at.toISOString(),
  };
}

/** @param mac with colons or without. @throws ResourceNotFound */
export async function getNic(db: Queries, mac: string): Promise<NicRow> {
  const canonical = macSchema.safeParse(mac);
  const [nic] = canonical.success ? await db.query<NicRow>(`${NICS} WHERE c.mac = $1`, [canonical.data]) : [];
  if (!nic) throw headErrors.ResourceNotFound({ what: `nic ${mac}` });
  return nic;
}

/** Filtered as `GET /nics` is; those of one holder in the order in which they were asked for. @throws InvalidParameters */
export async function listNics(db: Queries, parameters: unknown = {}): Promise<readonly NicRow[]> {
  const filter = readParameters(nicFilter, parameters);
  return await db.query<NicRow>(
    `${NICS}
     WHERE ($1::text[] IS NULL OR c.mac = ANY($1)) AND ($2::text[] IS NULL OR c.owner_uuid = ANY($2)) AND ($3::uuid[] IS NULL OR c.belongs_to_uuid = ANY($3))
       AND ($4::text[] IS NULL OR c.belongs_to_type = ANY($4)) AND ($5::uuid[] IS NULL OR c.network_uuid = ANY($5)) AND ($6::uuid[] IS NULL OR c.cn_uuid = ANY($6))
       AND ($7::text[] IS NULL OR c.nic_tag = ANY($7)) AND ($8::text[] IS NULL OR c.nic_tags_provided && $8) AND ($9::text[] IS NULL OR c.state = ANY($9))
       AND ($10::boolean IS NULL OR COALESCE((c.more->>'underlay')::boolean, false) = $10)
     ORDER BY c.slot NULLS LAST, c.created_at, c.mac LIMIT $11 OFFSET $12`,
    [filter.mac, filter.owner_uuid, filter.belongs_to_uuid, filter.belongs_to_type, filter.network_uuid, filter.cn_uuid, filter.nic_tag, filter.nic_tags_provided, filter.state, filter.underlay, filter.limit, filter.offset],
  );
}

/** All nics of a VM or server. */
export async function nicsOfHolder(db: Queries, belongsToUuid: string): Promise<readonly NicRow[]> {
  return await db.query<NicRow>(`${NICS} WHERE c.belongs_to_uuid = $1 ORDER BY c.slot NULLS LAST, c.created_at, c.mac`, [belongsToUuid]);
}

/** Change a nic; with another `ip` or `network_uuid` the old address is free again. @throws ResourceNotFound, InvalidParameters, SubnetFull */
export async function updateNic(db: Database, mac: string, parameters: unknown): Promise<NicRow> {
  const change = readParameters(nicChange, parameters);
  return await db.transaction(
    async (queries) => {
      const { mac: canonical } = await getNic(queries, mac);
      await queries.query('SELECT 1 FROM nics WHERE mac = $1 FOR UPDATE', [canonical]);
      const nic = await getNic(queries, canonical);
      const moved = await moveNic(queries, nic, change);
      const isPrimary = change.primary ?? nic.is_primary;
      const next = {
        owner: change.owner_uuid ?? nic.owner_uuid,
        belongsTo: change.belongs_to_uuid ?? nic.belongs_to_uuid,
        type: change.belongs_to_type ?? nic.belongs_to_type,
      };
      await queries.query(
        `UPDATE nics SET owner_uuid = $2, belongs_to_uuid = $3, belongs_to_type = $4, is_primary = $5, state = $6, cn_uuid = $7, nic_tag = $8, vlan_id = $9,
           nic_tags_provided = $10::text[], more = more || $11::jsonb, network_uuid = $12, ip = $13::inet, slot = CASE WHEN belongs_to_uuid = $3 THEN slot END, modified_at = now()
         WHERE mac = $1`,
        [
          canonical, next.owner, next.belongsTo, next.type, isPrimary, change.state ?? nic.state, change.cn_uuid ?? nic.cn_uuid, moved.nicTag, moved.vlanId,
          change.nic_tags_provided ?? nic.nic_tags_provided, JSON.stringify(keptOf(change)), moved.network, moved.ip,
        ],
      );
      await queries.query('UPDATE ips SET owner_uuid = $2, belongs_to_uuid = $3, belongs_to_type = $4 WHERE mac = $1', [canonical, next.owner, next.belongsTo, next.type]);
      if (isPrimary && !nic.is_primary) await queries.query('UPDATE nics SET is_primary = false WHERE belongs_to_uuid = $1 AND mac <> $2 AND is_primary', [next.belongsTo, canonical]);
      return await getNic(queries, canonical);
    },
    { isolation: 'read committed' },
  );
}

/** Take a nic away and free its addresses. @throws ResourceNotFound */
export async function deleteNic(db: Database, mac: string): Promise<void> {
  const nic = await getNic(db, mac);
  await db.transaction((queries) => removeNic(queries, nic.mac), { isolation: 'read committed' });
}

/** The same inside a transaction. */
export async function removeNic(queries: Queries, mac: string): Promise<void> {
  await queries.query('DELETE FROM nics WHERE mac = $1', [mac]);
  await freeAddressesOf(queries, mac);
}

/** What is kept with a nic as it was given. */
export function keptOf(parameters: WireObject): WireObject {
  return Object.fromEntries(Object.entries(parameters).filter(([name, value]) => KEPT.includes(name) && value !== undefined));
}

interface Moved {
  readonly network: string | null;
  readonly ip: string | null;
  readonly nicTag: string | null;
  readonly vlanId: number | null;
}

async function moveNic(queries: Queries, nic: NicRow, change: { readonly network_uuid?: string | undefined; readonly ip?: string | undefined; readonly nic_tag?: string | undefined; readonly vlan_id?: number | undefined }): Promise<Moved> {
  const wanted = change.network_uuid ?? (change.ip === undefined ? undefined : (nic.network_uuid ?? undefined));
  const network = wanted === undefined ? undefined : await getNetwork(queries, wanted);
  if (change.ip !== undefined && !network) throw invalidParameters(invalid('network_uuid', `is required with ip ${change.ip}`, 'MissingParameter'));
  const stays = !network || (network.uuid === nic.network_uuid && (change.ip === undefined || change.ip === nic.ip));
  if (stays) return { network: nic.network_uuid, ip: nic.ip, nicTag: change.nic_tag ?? nic.nic_tag, vlanId: change.vlan_id ?? nic.vlan_id };
  const holder = { ownerUuid: nic.owner_uuid, belongsToUuid: nic.belongs_to_uuid, belongsToType: nic.belongs_to_type, mac: nic.mac };
  await freeAddressesOf(queries, nic.mac);
  const ip = change.ip === undefined ? await takeNextAddress(queries, network, holder) : await takeThisAddress(queries, network, { ...holder, ip: change.ip });
  if (ip === undefined) throw headErrors.SubnetFull({ network: network.name });
  return { network: network.uuid, ip, nicTag: network.nic_tag, vlanId: network.vlan_id };
}
