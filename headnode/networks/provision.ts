/** Nics with an address: for a VM that is being made, a server, or whatever else is on a network (control-plane §4, ProvisionNic). */
import { randomBytes } from 'node:crypto';
import type { Database, Queries } from '../db/database.ts';
import { headErrors } from '../errors.ts';
import { newTurns } from '../turns.ts';
import { isInSubnet, parseAddress, parseSubnet } from './addresses.ts';
import { invalid, invalidParameters, readParameters } from './field-errors.ts';
import { findNetwork, getNetwork, type Network } from './networks.ts';
import { newNic, type NewNic } from './nic-rules.ts';
import { getNic, keptOf, type NicRow } from './nics.ts';
import { findPool } from './pools.ts';
import { takeNextAddress, takeThisAddress } from './take-address.ts';

/** What is asked for; with `slot` asking twice gives one nic. */
export type NicRequest = NewNic & { readonly slot?: number };

/**
 * A nic on a network, or on the first network of a pool that has an address left and whose nic tag is available: among
 * `nic_tags_available`, or else on the server `cn_uuid`.
 * @throws ResourceNotFound, SubnetFull, InvalidParameters
 */
export async function provisionNic(db: Database, networkOrPool: string, request: NicRequest): Promise<NicRow> {
  const { name, networks } = await membersOf(db, networkOrPool);
  const known = await nicOfSlot(db, request);
  if (known) return sameNetwork(known, name, networks);
  const candidates = networks.filter((network) => request.ip === undefined || networks.length === 1 || hasAddress(network, request.ip));
  const available = request.nic_tags_available ?? (networks.length > 1 ? await tagsOfServer(db, request.cn_uuid) : undefined);
  const usable = candidates.filter(({ nic_tag }) => available === undefined || available.includes(nic_tag));
  if (usable.length === 0) throw nothingUsable(name, candidates, { ...request, nic_tags_available: available && [...available] });
  for (const network of usable) {
    const nic = await turns.take(network.uuid, () => db.transaction((queries) => provisionIn(queries, network, request), { isolation: 'read committed' }));
    if (nic === 'in progress elsewhere') return sameNetwork(await theNicOfSlot(db, request), name, networks);
    if (nic) return nic;
  }
  throw headErrors.SubnetFull({ network: name });
}

/** Whoever takes an address holds its network's row. */
const turns = newTurns();

/** `POST /networks/:id/nics`. */
export async function provisionFromParameters(db: Database, networkOrPool: string, parameters: unknown): Promise<NicRow> {
  return await provisionNic(db, networkOrPool, { state: 'provisioning', ...readParameters(newNic, parameters) });
}

/** `POST /nics`: with `network_uuid` an address is given, without it the nic is only known. @throws InvalidParameters, ResourceNotFound, SubnetFull */
export async function createNic(db: Database, parameters: unknown): Promise<NicRow> {
  const request = readParameters(newNic, parameters);
  if (request.network_uuid !== undefined) return await provisionNic(db, request.network_uuid, request);
  if (request.mac === undefined) throw invalidParameters(invalid('mac', 'is required without network_uuid', 'MissingParameter'));
  if (request.ip === undefined) return await knownNic(db, request);
  const networks = await networksContaining(db, request);
  const [network, ...others] = networks;
  if (!network) throw invalidParameters(invalid('ip', `no network has ${request.ip}${request.nic_tag === undefined ? '' : ` on nic tag ${request.nic_tag}`}`));
  if (others.length > 0) throw invalidParameters(invalid('network_uuid', `is required: ${request.ip} is in ${networks.map(({ name }) => name).join(' and ')}`, 'MissingParameter'));
  return await provisionNic(db, network.uuid, request);
}

/** A MAC address that nobody else uses is found by trying: 24 random bits after the field's own prefix. */
export function randomMac(): string {
  return ['90', 'b8', 'd0', ...[...randomBytes(3)].map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
}

async function membersOf(db: Database, idOrName: string): Promise<{ readonly name: string; readonly networks: readonly Network[] }> {
  const network = await findNetwork(db, idOrName);
  if (network) return { name: network.name, networks: [network] };
  const pool = await findPool(db, idOrName);
  if (!pool) throw headErrors.ResourceNotFound({ what: `network ${idOrName}` });
  return { name: pool.name, networks: await Promise.all(pool.networks.map((member) => getNetwork(db, member))) };
}

/** The nic tags of a server, as it has told them; undefined while it has told none. */
async function tagsOfServer(db: Database, server: string | undefined): Promise<readonly string[] | undefined> {
  if (server === undefined) return undefined;
  const rows = await db.query<{ tag: string }>("SELECT DISTINCT unnest(nic_tags_provided) AS tag FROM nics WHERE belongs_to_uuid = $1 AND belongs_to_type = 'server'", [server]);
  return rows.length === 0 ? undefined : rows.map(({ tag }) => tag);
}

type Provisioned = NicRow | 'in progress elsewhere' | undefined;

/** @returns undefined when the network is full */
async function provisionIn(queries: Queries, network: Network, request: NicRequest): Promise<Provisioned> {
  const mac = await insertNic(queries, { ...request, nic_tag: network.nic_tag, vlan_id: network.vlan_id, network_uuid: network.uuid, ip: undefined });
  if (mac === undefined) return 'in progress elsewhere';
  const holder = { ownerUuid: request.owner_uuid, belongsToUuid: request.belongs_to_uuid, belongsToType: request.belongs_to_type, mac };
  const ip = request.ip === undefined ? await takeNextAddress(queries, network, holder) : await takeThisAddress(queries, network, { ...holder, ip: request.ip });
  if (ip === undefined) {
    // The transaction ends well, with nothing done in it, so that the next network can be tried.
    await queries.query('DELETE FROM nics WHERE mac = $1', [mac]);
    return undefined;
  }
  await queries.query('UPDATE nics SET ip = $2::inet WHERE mac = $1', [mac, ip]);
  if (request.primary) await queries.query('UPDATE nics SET is_primary = false WHERE belongs_to_uuid = $1 AND mac <> $2 AND is_primary', [request.belongs_to_uuid, mac]);
  return await getNic(queries, mac);
}

async function knownNic(db: Database, request: NicRequest): Promise<NicRow> {
  const mac = await insertNic(db, request);
  return await getNic(db, mac ?? '');
}

/** @returns its MAC; undefined when the slot is taken. @throws InvalidParameters when the given MAC is */
async function insertNic(queries: Queries, request: NicRequest): Promise<string | undefined> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const mac = request.mac ?? randomMac();
    const [row] = await queries.query(
      `INSERT INTO nics (mac, belongs_to_uuid, belongs_to_type, owner_uuid, network_uuid, slot, is_primary, state, cn_uuid, nic_tag, vlan_id, nic_tags_provided, more)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::text[], $13::jsonb) ON CONFLICT DO NOTHING RETURNING mac`,
      [
        mac, request.belongs_to_uuid, request.belongs_to_type, request.owner_uuid, request.network_uuid, request.slot, request.primary ?? false,
        request.state ?? 'running', request.cn_uuid, request.nic_tag, request.vlan_id, request.nic_tags_provided ?? [], JSON.stringify(keptOf(request)),
      ],
    );
    if (row) return mac;
    if (await nicOfSlot(queries, request)) return undefined;
    if (request.mac !== undefined) throw invalidParameters(invalid('mac', `${mac} is a nic already`, 'Duplicate'));
  }
  throw new Error(`no free MAC address was found in ${MOST_TRIES} tries`);
}

const MOST_TRIES = 64;

async function nicOfSlot(queries: Queries, { belongs_to_uuid, slot }: NicRequest): Promise<NicRow | undefined> {
  if (slot === undefined) return undefined;
  const [row] = await queries.query<{ mac: string }>('SELECT mac FROM nics WHERE belongs_to_uuid = $1 AND slot = $2', [belongs_to_uuid, slot]);
  return row && (await getNic(queries, row.mac));
}

async function theNicOfSlot(queries: Queries, request: NicRequest): Promise<NicRow> {
  const nic = await nicOfSlot(queries, request);
  if (!nic) throw headErrors.ResourceNotFound({ what: `nic ${request.slot} of ${request.belongs_to_uuid}` });
  return nic;
}

function sameNetwork(nic: NicRow, name: string, networks: readonly Network[]): NicRow {
  if (networks.some(({ uuid }) => uuid === nic.network_uuid)) return nic;
  throw invalidParameters(invalid('index', `nic ${nic.slot} of ${nic.belongs_to_uuid} is ${nic.mac} already, and not on ${name}`, 'InUse'));
}

async function networksContaining(db: Database, { ip, nic_tag, vlan_id }: NewNic): Promise<Network[]> {
  const rows = await db.query<{ uuid: string }>(
    'SELECT uuid FROM networks WHERE $1::inet << subnet AND ($2::text IS NULL OR nic_tag = $2) AND ($3::integer IS NULL OR vlan_id = $3) ORDER BY name',
    [ip, nic_tag, vlan_id],
  );
  return await Promise.all(rows.map(({ uuid }) => getNetwork(db, uuid)));
}

function hasAddress({ subnet }: Network, ip: string): boolean {
  const address = parseAddress(ip);
  const parsed = parseSubnet(subnet);
  return address !== undefined && parsed !== undefined && isInSubnet(address, parsed);
}

function nothingUsable(name: string, candidates: readonly Network[], request: NicRequest): Error {
  if (candidates.length === 0) return invalidParameters(invalid('ip', `${request.ip} is in no network of ${name}`));
  const tags = [...new Set(candidates.map(({ nic_tag }) => nic_tag))].join(', ');
  return invalidParameters(invalid('nic_tags_available', `${request.nic_tags_available?.join(', ') || 'none'}: ${name} is on ${tags}`));
}
