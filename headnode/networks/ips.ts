/** Addresses one by one: who has them, which are kept from being given out. */
import { z } from 'zod';
import type { Database, Queries } from '../db/database.ts';
import { headErrors } from '../errors.ts';
import type { WireObject } from '../services.ts';
import { canonicalAddress, isInSubnet, parseAddress, parseSubnet } from './addresses.ts';
import { inUse, invalid, invalidParameters, readParameters } from './field-errors.ts';
import { getNetwork, type Network } from './networks.ts';
import { FREED } from './take-address.ts';
import { address, flag, owner, paging, uuid } from './values.ts';

interface IpRow {
  readonly ip: string;
  readonly network_uuid: string;
  readonly reserved: boolean;
  readonly owner_uuid: string | null;
  readonly belongs_to_type: string | null;
  readonly belongs_to_uuid: string | null;
}

const IPS = 'SELECT host(ip) AS ip, network_uuid, reserved, owner_uuid, belongs_to_type, belongs_to_uuid FROM ips';

const belongsToType = z.enum(['zone', 'server', 'other'], { error: 'must be one of zone, server, other' });
const ipFilter = z.strictObject({ belongs_to_uuid: uuid.optional(), belongs_to_type: belongsToType.optional(), owner_uuid: owner.optional(), ...paging });
const searchFilter = z.strictObject({ ip: address, belongs_to_type: belongsToType.optional(), limit: paging.limit, offset: paging.offset });
const ipChange = z.strictObject({
  reserved: flag.optional(),
  unassign: flag.optional(),
  owner_uuid: owner.optional(),
  belongs_to_type: belongsToType.optional(),
  belongs_to_uuid: uuid.optional(),
  check_owner: flag.optional(),
});

/** The addresses of a network that were ever used or reserved, in their order. @throws ResourceNotFound, InvalidParameters */
export async function listIps(db: Queries, networkId: string, parameters: unknown = {}): Promise<readonly WireObject[]> {
  const network = await getNetwork(db, networkId);
  const filter = readParameters(ipFilter, parameters);
  const rows = await db.query<IpRow>(
    `${IPS} WHERE network_uuid = $1 AND ($2::uuid IS NULL OR belongs_to_uuid = $2) AND ($3::text IS NULL OR belongs_to_type = $3) AND ($4::text IS NULL OR owner_uuid = $4)
     ORDER BY ips.ip LIMIT $5 OFFSET $6`,
    [network.uuid, filter.belongs_to_uuid, filter.belongs_to_type, filter.owner_uuid, filter.limit, filter.offset],
  );
  return rows.map(ipObject);
}

/** Any address of the network, whether or not it was ever used. @throws ResourceNotFound */
export async function getIp(db: Queries, networkId: string, ip: string): Promise<WireObject> {
  const network = await getNetwork(db, networkId);
  const known = addressIn(network, ip);
  if (known === undefined) throw headErrors.ResourceNotFound({ what: `address ${ip}` });
  return await theIp(db, network.uuid, known);
}

/** Reserve an address, say whose it is, or `unassign` it. @throws ResourceNotFound, InvalidParameters, InUse while a nic has it */
export async function updateIp(db: Database, target: { readonly network: string; readonly ip: string }, parameters: unknown): Promise<WireObject> {
  const change = readParameters(ipChange, parameters);
  const network = await getNetwork(db, target.network);
  const ip = addressIn(network, target.ip);
  if (ip === undefined) throw invalidParameters(invalid('ip', `${target.ip} is not in network ${network.name}, ${network.subnet}`));
  return await db.transaction(
    async (queries) => {
      await queries.query('SELECT 1 FROM networks WHERE uuid = $1 FOR NO KEY UPDATE', [network.uuid]);
      const [row] = await queries.query<IpRow & { mac: string | null }>('SELECT reserved, owner_uuid, belongs_to_type, belongs_to_uuid, mac FROM ips WHERE network_uuid = $1 AND ip = $2::inet', [network.uuid, ip]);
      await queries.query('INSERT INTO ips (network_uuid, ip) VALUES ($1, $2::inet) ON CONFLICT DO NOTHING', [network.uuid, ip]);
      if (change.reserved !== undefined) await queries.query('UPDATE ips SET reserved = $3 WHERE network_uuid = $1 AND ip = $2::inet', [network.uuid, ip, change.reserved]);
      if (change.unassign) await unassign(queries, { network: network.uuid, ip, mac: row?.mac ?? null });
      else await assign(queries, { network: network.uuid, ip, row, change });
      return await theIp(queries, network.uuid, ip);
    },
    { isolation: 'read committed' },
  );
}

/** An address in all networks that have it. @throws InvalidParameters, ResourceNotFound when none has */
export async function searchIps(db: Queries, parameters: unknown): Promise<readonly WireObject[]> {
  const { ip, belongs_to_type, limit, offset } = readParameters(searchFilter, parameters);
  const networks = await db.query<{ uuid: string }>('SELECT uuid FROM networks WHERE $1::inet <<= subnet ORDER BY name LIMIT $2 OFFSET $3', [ip, limit, offset]);
  if (networks.length === 0 && offset === 0) throw headErrors.ResourceNotFound({ what: `a network with address ${ip}` });
  const found = await Promise.all(networks.map((network) => theIp(db, network.uuid, ip)));
  return found.filter((one) => belongs_to_type === undefined || one['belongs_to_type'] === belongs_to_type);
}

async function theIp(db: Queries, network: string, ip: string): Promise<WireObject> {
  const [row] = await db.query<IpRow>(`${IPS} WHERE network_uuid = $1 AND ip = $2::inet`, [network, ip]);
  return row ? ipObject(row) : { ip, network_uuid: network, reserved: false, free: true };
}

function ipObject({ ip, network_uuid, reserved, owner_uuid, belongs_to_type, belongs_to_uuid }: IpRow): WireObject {
  return {
    ip: canonicalAddress(ip) ?? ip,
    network_uuid,
    reserved,
    free: !reserved && belongs_to_uuid === null,
    ...(owner_uuid !== null && { owner_uuid }),
    ...(belongs_to_type !== null && { belongs_to_type }),
    ...(belongs_to_uuid !== null && { belongs_to_uuid }),
  };
}

function addressIn(network: Network, ip: string): string | undefined {
  const parsed = parseAddress(ip);
  const subnet = parseSubnet(network.subnet);
  return parsed && subnet && isInSubnet(parsed, subnet) ? canonicalAddress(ip) : undefined;
}

interface IpTarget {
  readonly network: string;
  readonly ip: string;
}

async function unassign(queries: Queries, { network, ip, mac }: IpTarget & { readonly mac: string | null }): Promise<void> {
  // Given to somebody else, the address would be in use twice.
  if (mac !== null) throw inUse(`address ${ip}`, [{ type: 'nic', id: mac }]);
  await queries.query(`UPDATE ips SET ${FREED} WHERE network_uuid = $1 AND ip = $2::inet`, [network, ip]);
}

async function assign(queries: Queries, { network, ip, row, change }: IpTarget & { readonly row: (IpRow & { readonly mac: string | null }) | undefined; readonly change: z.output<typeof ipChange> }): Promise<void> {
  const { owner_uuid, belongs_to_type, belongs_to_uuid } = change;
  if (owner_uuid === undefined && belongs_to_type === undefined && belongs_to_uuid === undefined) return;
  const wanted = { type: belongs_to_type ?? row?.belongs_to_type ?? undefined, uuid: belongs_to_uuid ?? row?.belongs_to_uuid ?? undefined };
  if (wanted.uuid !== undefined && wanted.type === undefined) throw invalidParameters(invalid('belongs_to_type', 'is required with belongs_to_uuid', 'MissingParameter'));
  if (wanted.uuid === undefined && wanted.type !== undefined) throw invalidParameters(invalid('belongs_to_uuid', 'is required with belongs_to_type', 'MissingParameter'));
  if (row?.mac && wanted.uuid !== row.belongs_to_uuid) throw inUse(`address ${ip}`, [{ type: 'nic', id: row.mac }]);
  await queries.query('UPDATE ips SET owner_uuid = COALESCE($3, owner_uuid), belongs_to_type = $4, belongs_to_uuid = $5, freed_at = NULL WHERE network_uuid = $1 AND ip = $2::inet', [network, ip, owner_uuid, wanted.type, wanted.uuid]);
}
