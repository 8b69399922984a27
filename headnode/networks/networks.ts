/** Networks: subnets on a nic tag, and which of their addresses may be given out. */
import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import { isUuid } from '../../host/config/units.ts';
import type { Database, Queries } from '../db/database.ts';
import { sqlState } from '../db/retry.ts';
import { headErrors } from '../errors.ts';
import type { WireObject } from '../services.ts';
import { netmaskText, parseSubnet, subnetText } from './addresses.ts';
import { inUse, invalid, invalidParameters, readParameters } from './field-errors.ts';
import { checkNetwork, networkChange, networkFilter, newNetwork } from './network-rules.ts';
import { FOREIGN_KEY_VIOLATION } from './nic-tags.ts';

/** A network as the database has it; addresses are text without a prefix. */
export interface Network {
  readonly uuid: string;
  readonly name: string;
  readonly family: 4 | 6;
  readonly subnet: string;
  readonly nic_tag: string;
  readonly vlan_id: number;
  readonly provision_start: string;
  readonly provision_end: string;
  readonly gateway: string | null;
  readonly owner_uuids: readonly string[];
  readonly more: { readonly resolvers?: readonly string[]; readonly routes?: Readonly<Record<string, string>>; readonly description?: string; readonly mtu?: number };
  /** Of the network itself, or of its nic tag. */
  readonly mtu: number;
}

const NETWORKS = `
  SELECT n.uuid, n.name, n.family, n.subnet::text AS subnet, n.nic_tag, n.vlan_id, host(n.provision_start) AS provision_start,
    host(n.provision_end) AS provision_end, host(n.gateway) AS gateway, n.owner_uuids, n.more, COALESCE((n.more->>'mtu')::integer, t.mtu) AS mtu
  FROM networks n JOIN nic_tags t ON t.name = n.nic_tag`;

/** A network as it is on the wire. */
export function networkObject(network: Network): WireObject {
  const { provision_start, provision_end, gateway, owner_uuids, more, family, subnet, ...rest } = network;
  const parsed = parseSubnet(subnet);
  return {
    ...rest,
    family: family === 4 ? 'ipv4' : 'ipv6',
    subnet: parsed ? subnetText(parsed) : subnet,
    ...(parsed?.family === 4 && { netmask: netmaskText(parsed) }),
    provision_start_ip: provision_start,
    provision_end_ip: provision_end,
    ...(gateway !== null && { gateway }),
    resolvers: more.resolvers ?? [],
    ...(more.routes && Object.keys(more.routes).length > 0 && { routes: more.routes }),
    ...(more.description !== undefined && { description: more.description }),
    ...(owner_uuids.length > 0 && { owner_uuids }),
    fabric: false,
  };
}

/** By uuid or name; `admin` is the name of the nodes' own network. */
export async function findNetwork(db: Queries, idOrName: string): Promise<Network | undefined> {
  const [network] = await db.query<Network>(`${NETWORKS} WHERE ${isUuid(idOrName) ? 'n.uuid' : 'n.name'} = $1`, [idOrName]);
  return network;
}

/** @throws ResourceNotFound */
export async function getNetwork(db: Queries, idOrName: string): Promise<Network> {
  const network = await findNetwork(db, idOrName);
  if (!network) throw headErrors.ResourceNotFound({ what: `network ${idOrName}` });
  return network;
}

/** Networks by name, filtered as `GET /networks` is. @throws InvalidParameters */
export async function listNetworks(db: Queries, parameters: unknown = {}): Promise<readonly Network[]> {
  const filter = readParameters(networkFilter, parameters);
  return await db.query<Network>(
    `${NETWORKS}
     WHERE ($1::text[] IS NULL OR n.name = ANY($1)) AND ($2::text[] IS NULL OR n.nic_tag = ANY($2)) AND ($3::integer[] IS NULL OR n.vlan_id = ANY($3))
       AND ($4::uuid[] IS NULL OR n.uuid = ANY($4)) AND ($5::smallint IS NULL OR n.family = $5)
       AND ($6::text IS NULL OR n.owner_uuids = '{}' OR $6 = ANY(n.owner_uuids)) AND ($7::text[] IS NULL OR n.owner_uuids && $7)
       AND NOT COALESCE($8::boolean, false)
     ORDER BY n.name LIMIT $9 OFFSET $10`,
    [filter.name, filter.nic_tag, filter.vlan_id, filter.uuid, filter.family === undefined ? undefined : filter.family === 'ipv4' ? 4 : 6, filter.provisionable_by, filter.owner_uuid ?? filter.owner_uuids, filter.fabric, filter.limit, filter.offset],
  );
}

/** @throws InvalidParameters: a field is wrong, the name is taken, the subnet overlaps another one of the same nic tag and VLAN */
export async function createNetwork(db: Database, parameters: unknown): Promise<Network> {
  const given = readParameters(newNetwork, parameters);
  const checked = checkNetwork(given);
  const uuid = given.uuid ?? randomUUID();
  return await db.transaction(
    async (queries) => {
      await requireRoom(queries, { ...given, uuid });
      await queries.query(
        `INSERT INTO networks (uuid, name, family, subnet, nic_tag, vlan_id, provision_start, provision_end, next_address, gateway, owner_uuids, more)
         VALUES ($1, $2, $3, $4::cidr, $5, $6, $7::inet, $8::inet, $7::inet, $9::inet, $10::text[], $11::jsonb)`,
        [uuid, given.name, checked.family, checked.subnet, given.nic_tag, given.vlan_id, given.provision_start_ip, given.provision_end_ip, given.gateway, given.owner_uuids ?? [], JSON.stringify(checked.more)],
      );
      await reserveFixed(queries, uuid);
      return await getNetwork(queries, uuid);
    },
    { isolation: 'read committed' },
  );
}

/** Change what may change: not the subnet, the nic tag or the VLAN. @throws ResourceNotFound, InvalidParameters */
export async function updateNetwork(db: Database, idOrName: string, parameters: unknown): Promise<Network> {
  const change = readParameters(networkChange, parameters);
  return await db.transaction(
    async (queries) => {
      const { uuid } = await getNetwork(queries, idOrName);
      await queries.query('LOCK TABLE networks IN SHARE ROW EXCLUSIVE MODE');
      const network = await getNetwork(queries, uuid);
      const wanted = withChange(network, change);
      const checked = checkNetwork(wanted);
      await requireName(queries, { ...wanted, uuid });
      // Counting begins anew: addresses of the new range that are known are passed over.
      await queries.query(
        `UPDATE networks SET name = $2, provision_start = $3::inet, provision_end = $4::inet, next_address = $3::inet, gateway = $5::inet, owner_uuids = $6::text[], more = $7::jsonb
         WHERE uuid = $1`,
        [uuid, wanted.name, wanted.provision_start_ip, wanted.provision_end_ip, wanted.gateway, wanted.owner_uuids ?? [], JSON.stringify(checked.more)],
      );
      await reserveFixed(queries, uuid);
      return await getNetwork(queries, uuid);
    },
    { isolation: 'read committed' },
  );
}

/** @throws ResourceNotFound, InUse while nics or pools need it */
export async function deleteNetwork(db: Database, idOrName: string): Promise<void> {
  const { uuid, name } = await getNetwork(db, idOrName);
  try {
    await db.transaction(
      async (queries) => {
        await queries.query('SELECT 1 FROM networks WHERE uuid = $1 FOR UPDATE', [uuid]);
        const pools = await queries.query<{ uuid: string }>('SELECT uuid FROM network_pools WHERE $1::uuid = ANY(networks)', [uuid]);
        if (pools.length > 0) throw inUse(`network ${name}`, pools.map((pool) => ({ type: 'network pool', id: pool.uuid })));
        await queries.query('DELETE FROM networks WHERE uuid = $1', [uuid]);
      },
      { isolation: 'read committed' },
    );
  } catch (error) {
    if (sqlState(error) !== FOREIGN_KEY_VIOLATION) throw error;
    const nics = await db.query<{ mac: string }>('SELECT mac FROM nics WHERE network_uuid = $1 ORDER BY mac LIMIT 20', [uuid]);
    throw inUse(`network ${name}`, nics.map(({ mac }) => ({ type: 'nic', id: mac })));
  }
}

/** Networks are made one after the other, so that two that overlap cannot be made at the same moment. */
async function requireRoom(queries: Queries, wanted: z.output<typeof newNetwork> & { readonly uuid: string }): Promise<void> {
  await queries.query('LOCK TABLE networks IN SHARE ROW EXCLUSIVE MODE');
  const [tag] = await queries.query('SELECT 1 FROM nic_tags WHERE name = $1 FOR KEY SHARE', [wanted.nic_tag]);
  if (!tag) throw invalidParameters(invalid('nic_tag', `there is no nic tag ${wanted.nic_tag}`));
  await requireName(queries, wanted);
  const [other] = await queries.query<{ name: string; subnet: string }>(
    'SELECT name, subnet::text AS subnet FROM networks WHERE nic_tag = $1 AND vlan_id = $2 AND subnet && $3::inet ORDER BY name LIMIT 1',
    [wanted.nic_tag, wanted.vlan_id, wanted.subnet],
  );
  if (other) throw invalidParameters(invalid('subnet', `${wanted.subnet} overlaps ${other.subnet} of network ${other.name} on the same nic tag and VLAN`));
}

async function requireName(queries: Queries, { uuid, name }: { readonly uuid: string; readonly name: string }): Promise<void> {
  const [same] = await queries.query<{ uuid: string }>('SELECT uuid FROM networks WHERE (name = $1 AND uuid <> $2) UNION ALL SELECT uuid FROM network_pools WHERE name = $1', [name, uuid]);
  if (same) throw invalidParameters(invalid('name', `${name} is the name of ${same.uuid} already`, 'Duplicate'));
  const [used] = await queries.query('SELECT 1 FROM network_pools WHERE uuid = $1', [uuid]);
  if (used) throw invalidParameters(invalid('uuid', `${uuid} is a network pool`, 'Duplicate'));
}

/** The gateway and the resolvers that are in the subnet belong to somebody, whether or not we know whom. */
async function reserveFixed(queries: Queries, uuid: string): Promise<void> {
  await queries.query(
    `INSERT INTO ips (network_uuid, ip, reserved)
     SELECT DISTINCT n.uuid, fixed.ip, true FROM networks n
     CROSS JOIN LATERAL (SELECT n.gateway AS ip UNION SELECT r::inet FROM jsonb_array_elements_text(COALESCE(n.more->'resolvers', '[]')) AS r) AS fixed
     WHERE n.uuid = $1 AND fixed.ip << n.subnet
     ON CONFLICT (network_uuid, ip) DO NOTHING`,
    [uuid],
  );
}

function withChange(network: Network, change: z.output<typeof networkChange>): z.output<typeof newNetwork> {
  const { more, gateway, provision_start, provision_end, owner_uuids, family, mtu: _, ...rest } = network;
  const { gateway: newGateway = gateway, ...others } = change;
  return {
    ...rest,
    ...more,
    family: family === 4 ? 'ipv4' : 'ipv6',
    resolvers: [...(more.resolvers ?? [])],
    routes: { ...more.routes },
    provision_start_ip: provision_start,
    provision_end_ip: provision_end,
    owner_uuids: [...owner_uuids],
    ...others,
    gateway: newGateway ?? undefined,
  };
}
