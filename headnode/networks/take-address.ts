/**
 * Which address of a network is given out: the lowest that was never used; when there is none, the one that has been free
 * the longest (control-plane §4).
 *
 * An address has a row from its first use on. `networks.next_address` says below which address all have one, so that finding
 * the next costs the same in a network of any size. Whoever takes an address holds the network's row until he commits: takers
 * in any process come one after the other, those of other networks are not in the way.
 */
import type { Queries } from '../db/database.ts';
import { formatAddress, isInSubnet, parseAddress, parseSubnet } from './addresses.ts';
import { invalid, invalidParameters } from './field-errors.ts';
import type { Network } from './networks.ts';

/** Whose an address is. */
export interface Holder {
  readonly ownerUuid: string;
  readonly belongsToUuid: string;
  readonly belongsToType: string;
  readonly mac: string;
}

/** Take the next address, inside a transaction. @returns undefined when the network is full */
export async function takeNextAddress(queries: Queries, network: Network, holder: Holder): Promise<string | undefined> {
  await lockNetwork(queries, network.uuid);
  return (await takeUnused(queries, network, holder)) ?? (await takeFreed(queries, network, holder));
}

/**
 * Take this very address, inside a transaction; one outside the provision range or that is reserved may be asked for by name.
 * @throws InvalidParameters when it is not in the network or somebody else's
 */
export async function takeThisAddress(queries: Queries, network: Network, { ip, ...holder }: Holder & { readonly ip: string }): Promise<string> {
  const address = parseAddress(ip);
  const subnet = parseSubnet(network.subnet);
  if (!address || !subnet || !isInSubnet(address, subnet)) throw invalidParameters(invalid('ip', `${ip} is not in network ${network.name}, ${network.subnet}`));
  await lockNetwork(queries, network.uuid);
  const text = formatAddress(address);
  const [held] = await queries.query<{ type: string; uuid: string; mac: string | null }>(
    'SELECT belongs_to_type AS type, belongs_to_uuid AS uuid, mac FROM ips WHERE network_uuid = $1 AND ip = $2::inet AND belongs_to_uuid IS NOT NULL',
    [network.uuid, text],
  );
  const isOwn = held?.uuid === holder.belongsToUuid && (held.mac === null || held.mac === holder.mac);
  if (held && !isOwn) throw invalidParameters(invalid('ip', `${text} is in use by ${held.type} ${held.uuid}`, 'InUse'));
  await hold(queries, network.uuid, { ...holder, ip: text });
  return text;
}

/** Free the addresses of a nic, inside a transaction. */
export async function freeAddressesOf(queries: Queries, mac: string): Promise<void> {
  await queries.query(`UPDATE ips SET ${FREED} WHERE mac = $1`, [mac]);
}

/** What a row of `ips` becomes when its address is free again. It stays reserved when it was. */
export const FREED = 'owner_uuid = NULL, belongs_to_type = NULL, belongs_to_uuid = NULL, mac = NULL, freed_at = clock_timestamp()';

async function lockNetwork(queries: Queries, uuid: string): Promise<void> {
  await queries.query('SELECT 1 FROM networks WHERE uuid = $1 FOR NO KEY UPDATE', [uuid]);
}

async function takeUnused(queries: Queries, network: Network, holder: Holder): Promise<string | undefined> {
  const [row] = await queries.query<{ unused: string; last: string; next: string }>(`${UNUSED_SQL} WHERE uuid = $1`, [network.uuid]);
  const unused = row && parseAddress(row.unused);
  const last = row && parseAddress(row.last);
  if (!unused || !last) return undefined;
  const next = unused.value >= last.value ? last : { family: network.family, value: unused.value + 1n };
  if (formatAddress(next) !== row.next) await queries.query('UPDATE networks SET next_address = $2::inet WHERE uuid = $1', [network.uuid, formatAddress(next)]);
  if (unused.value > last.value) return undefined;
  const ip = formatAddress(unused);
  await hold(queries, network.uuid, { ...holder, ip });
  return ip;
}

/** The first address from next_address on that has no row: it itself, or the one behind the first row that the next row does not follow. */
const UNUSED_SQL = `
  SELECT host(next_address) AS next, host(provision_end) AS last,
    host(CASE WHEN NOT EXISTS (SELECT 1 FROM ips WHERE network_uuid = networks.uuid AND ip = next_address) THEN next_address
      ELSE (SELECT ip + 1 FROM (SELECT ip, lead(ip) OVER (ORDER BY ip) AS following FROM ips WHERE network_uuid = networks.uuid AND ip BETWEEN next_address AND provision_end) AS used
        WHERE following IS DISTINCT FROM ip + 1 ORDER BY ip LIMIT 1)
    END) AS unused
  FROM networks`;

async function takeFreed(queries: Queries, network: Network, holder: Holder): Promise<string | undefined> {
  const [freed] = await queries.query<{ ip: string }>(
    `SELECT host(i.ip) AS ip FROM ips i JOIN networks n ON n.uuid = i.network_uuid
     WHERE i.network_uuid = $1 AND i.belongs_to_uuid IS NULL AND NOT i.reserved AND i.ip BETWEEN n.provision_start AND n.provision_end
     ORDER BY i.freed_at NULLS FIRST, i.ip LIMIT 1`,
    [network.uuid],
  );
  if (!freed) return undefined;
  const ip = formatAddress(parseAddress(freed.ip) ?? { family: network.family, value: 0n });
  await hold(queries, network.uuid, { ...holder, ip });
  return ip;
}

async function hold(queries: Queries, network: string, { ip, ownerUuid, belongsToType, belongsToUuid, mac }: Holder & { readonly ip: string }): Promise<void> {
  await queries.query(
    `INSERT INTO ips (network_uuid, ip, owner_uuid, belongs_to_type, belongs_to_uuid, mac) VALUES ($1, $2::inet, $3, $4, $5, $6)
     ON CONFLICT (network_uuid, ip) DO UPDATE SET owner_uuid = $3, belongs_to_type = $4, belongs_to_uuid = $5, mac = $6, freed_at = NULL`,
    [network, ip, ownerUuid, belongsToType, belongsToUuid, mac],
  );
}
