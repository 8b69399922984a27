/**
 * The node is the truth: nics that it says it has become known here, and their addresses used, whoever made them.
 */
import { isUuid } from '../../host/config/units.ts';
import { claimMachine } from '../boot/first-sight.ts';
import type { Database, Queries } from '../db/database.ts';
import type { WireObject } from '../services.ts';
import { canonicalAddress } from './addresses.ts';
import { nicsOfHolder, removeNic, type NicRow } from './nics.ts';
import { FREED } from './take-address.ts';
import { toldNicsOfServer, toldNicsOfVm, type ToldNic } from './told-nics.ts';

/** Whose nics were told, by which server. */
interface Holder {
  readonly uuid: string;
  readonly type: 'zone' | 'server';
  readonly owner: string;
  readonly server: string;
}

/** The operators' own account, to which servers belong. */
export const ADMIN_OWNER = '00000000-0000-0000-0000-000000000000';

/**
 * Take over the nics of a VM as its node tells them (`vmadm get`).
 * @returns what could not be taken over, for people
 */
export async function adoptVm(db: Database, vm: WireObject, serverUuid: string): Promise<readonly string[]> {
  if (!isUuid(vm['uuid']) || !Array.isArray(vm['nics'])) return [];
  const owner = typeof vm['owner_uuid'] === 'string' ? vm['owner_uuid'] : ADMIN_OWNER;
  return await adoptNics(db, { uuid: vm['uuid'], type: 'zone', owner, server: serverUuid }, toldNicsOfVm(vm));
}

/** Take over a server's own nics from its sysinfo, and the nic tags that it names. */
export async function adoptServerNics(db: Database, server: WireObject): Promise<readonly string[]> {
  const { uuid } = server;
  if (!isUuid(uuid)) return [];
  return await adoptNics(db, { uuid, type: 'server', owner: ADMIN_OWNER, server: uuid }, toldNicsOfServer(server));
}

async function adoptNics(db: Database, holder: Holder, all: readonly ToldNic[]): Promise<readonly string[]> {
  const known = holder.type === 'server' ? await knownOfServer(db, holder.uuid, all) : await nicsOfHolder(db, holder.uuid);
  const told = holder.type === 'server' ? all.map((nic) => withKnown(nic, known)) : all;
  if (isSame(known, told, holder)) return [];
  await addTags(db, [...new Set(told.flatMap(({ tagsProvided }) => tagsProvided))]);
  return await db.transaction(
    async (queries) => {
      const found: NetworkPlace[][] = [];
      for (const nic of told) found.push(await networksOf(queries, nic));
      await lockNetworks(queries, found.flat());
      const conflicts: string[] = [];
      for (const [index, nic] of told.entries()) conflicts.push(...(await adoptNic(queries, holder, { nic, places: found[index] ?? [] })));
      for (const { mac } of gone(known, told, holder)) await removeNic(queries, mac);
      return conflicts;
    },
    { isolation: 'read committed' },
  );
}

async function knownOfServer(db: Database, server: string, told: readonly ToldNic[]): Promise<readonly NicRow[]> {
  const known = await nicsOfHolder(db, server);
  const others = told.map(({ mac }) => mac).filter((mac) => !known.some((nic) => nic.mac === mac));
  return others.length > 0 && (await claimMachine(db, server, others)) ? await nicsOfHolder(db, server) : known;
}

/** A machine that is not set up has no nic tags; what a nic of it was given for its boots stays the nic's. */
function withKnown(nic: ToldNic, known: readonly NicRow[]): ToldNic {
  const row = known.find(({ mac }) => mac === nic.mac);
  if (!row || row.nic_tag === null || nic.nicTag !== undefined || nic.tagsProvided.length > 0) return nic;
  return { ...nic, nicTag: row.nic_tag, tagsProvided: row.nic_tags_provided, primary: row.is_primary, vlanId: row.vlan_id ?? 0, addresses: row.ip === null ? nic.addresses : [row.ip] };
}

async function addTags(db: Database, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  await db.query(
    `INSERT INTO nic_tags (name, uuid, mtu) SELECT told.name, gen_random_uuid(), 1500 FROM unnest($1::text[]) AS told (name)
     WHERE NOT EXISTS (SELECT 1 FROM nic_tags WHERE nic_tags.name = told.name) ON CONFLICT DO NOTHING`,
    [names],
  );
}

function isSame(known: readonly NicRow[], told: readonly ToldNic[], holder: Holder): boolean {
  if (gone(known, told, holder).length > 0) return false;
  return told.every((nic) => {
    const row = known.find(({ mac }) => mac === nic.mac);
    if (!row || row.owner_uuid !== holder.owner || row.cn_uuid !== holder.server) return false;
    const addressIsKnown = nic.addresses.length === 0 ? row.ip === null : row.ip !== null && canonicalAddress(row.ip) === nic.addresses[0] && nic.addresses.length === 1;
    return addressIsKnown && row.state === nic.state && row.is_primary === nic.primary && row.nic_tag === (nic.nicTag ?? null) && row.nic_tags_provided.join() === nic.tagsProvided.join();
  });
}

/**
 * Nics that are known and that the node has no more. One that is being provisioned is not there yet; one of a server may be
 * meant for its next boot.
 */
function gone(known: readonly NicRow[], told: readonly ToldNic[], { type }: Holder): readonly NicRow[] {
  return type === 'server' ? [] : known.filter(({ mac, state }) => state !== 'provisioning' && !told.some((nic) => nic.mac === mac));
}

interface NetworkPlace {
  readonly network: string;
  readonly ip: string;
}

/** In which of our networks a nic's addresses are: the one that it names, else one of its nic tag and VLAN. */
async function networksOf(queries: Queries, { addresses, networkUuid, nicTag, tagsProvided, vlanId }: ToldNic): Promise<NetworkPlace[]> {
  const tags = nicTag === undefined ? tagsProvided : [nicTag];
  const places: NetworkPlace[] = [];
  for (const ip of addresses) {
    const [row] = await queries.query<{ uuid: string }>(
      'SELECT uuid FROM networks WHERE $1::inet <<= subnet AND (uuid = $2::uuid OR (nic_tag = ANY($3::text[]) AND vlan_id = $4)) ORDER BY uuid = $2::uuid DESC NULLS LAST, name LIMIT 1',
      [ip, networkUuid, tags, vlanId],
    );
    if (row) places.push({ network: row.uuid, ip });
  }
  return places;
}

/** In one order for everybody, so that two that adopt do not wait for each other. */
async function lockNetworks(queries: Queries, places: readonly NetworkPlace[]): Promise<void> {
  const networks = [...new Set(places.map(({ network }) => network))].sort();
  for (const network of networks) await queries.query('SELECT 1 FROM networks WHERE uuid = $1 FOR NO KEY UPDATE', [network]);
}

async function adoptNic(queries: Queries, holder: Holder, { nic, places }: { readonly nic: ToldNic; readonly places: readonly NetworkPlace[] }): Promise<string[]> {
  const [row] = await queries.query(
    `INSERT INTO nics (mac, belongs_to_uuid, belongs_to_type, owner_uuid, is_primary, state, cn_uuid, nic_tag, vlan_id, nic_tags_provided)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::text[])
     ON CONFLICT (mac) DO UPDATE SET owner_uuid = $4, is_primary = $5, state = $6, cn_uuid = $7, nic_tag = $8, vlan_id = $9, nic_tags_provided = $10::text[], modified_at = now()
     WHERE nics.belongs_to_uuid = $2 RETURNING mac`,
    [nic.mac, holder.uuid, holder.type, holder.owner, nic.primary, nic.state, holder.server, nic.nicTag, nic.vlanId, nic.tagsProvided],
  );
  if (!row) return [`nic ${nic.mac} of ${holder.uuid} is known as somebody else's`];
  const held: NetworkPlace[] = [];
  const conflicts: string[] = [];
  for (const place of places) {
    if (await holdAddress(queries, holder, { ...place, mac: nic.mac })) held.push(place);
    else conflicts.push(`address ${place.ip} of ${holder.uuid} belongs to another one`);
  }
  await queries.query(
    `UPDATE ips SET ${FREED} WHERE mac = $1 AND NOT EXISTS (SELECT 1 FROM unnest($2::uuid[], $3::inet[]) AS held (network, ip) WHERE held.network = ips.network_uuid AND held.ip = ips.ip)`,
    [nic.mac, held.map(({ network }) => network), held.map(({ ip }) => ip)],
  );
  await queries.query('UPDATE nics SET network_uuid = $2, ip = $3::inet WHERE mac = $1', [nic.mac, held[0]?.network, held[0]?.ip]);
  return conflicts;
}

async function holdAddress(queries: Queries, holder: Holder, { network, ip, mac }: NetworkPlace & { readonly mac: string }): Promise<boolean> {
  const [row] = await queries.query(
    `INSERT INTO ips (network_uuid, ip, owner_uuid, belongs_to_type, belongs_to_uuid, mac) VALUES ($1, $2::inet, $3, $4, $5, $6)
     ON CONFLICT (network_uuid, ip) DO UPDATE SET owner_uuid = $3, belongs_to_type = $4, belongs_to_uuid = $5, mac = $6, freed_at = NULL
     WHERE ips.belongs_to_uuid IS NULL OR ips.belongs_to_uuid = $5 RETURNING ip`,
    [network, ip, holder.owner, holder.type, holder.uuid, mac],
  );
  return row !== undefined;
}
