/** The boot service's snapshot as the database has it. */
import type { Database } from '../db/database.ts';
import { netmaskText, parseSubnet } from '../networks/addresses.ts';
import { networkingOf } from '../networks/networking.ts';
import { parseNetworking, type Networking } from '../../host/net/networking.ts';
import { DEFAULT_NAME, type BootParams } from './boot-params.ts';
import { dashed, type Machine, type Site, type Snapshot } from './snapshot.ts';

export interface LookUp {
  readonly database: Database;
  /** The head's address on the admin network, by which that network is found. */
  readonly address: string;
  readonly datacenter: string;
  /** SHA-256 of the CA's certificate, hexadecimal. */
  readonly caFingerprint: string;
  /** Told of what is stored and makes no `networking.json`. */
  onInvalid(mac: string, error: unknown): void;
}

/** Everything; undefined while no network has the head's address. */
export async function lookUpAll(lookUp: LookUp): Promise<Snapshot | undefined> {
  const site = await lookUpSite(lookUp);
  if (!site) return undefined;
  const machines = await machinesOf(lookUp, site, await nicRows(lookUp, site, undefined));
  return { site, machines: new Map(machines.map((machine) => [machine.mac, machine])) };
}

/** Some machines, by the MAC address of their nic on the admin network or by whom it belongs to. */
export async function lookUpMachines(lookUp: LookUp, site: Site, which: readonly string[]): Promise<readonly Machine[]> {
  return await machinesOf(lookUp, site, await nicRows(lookUp, site, which));
}

async function lookUpSite({ database, address, datacenter, caFingerprint }: LookUp): Promise<Site | undefined> {
  const [network] = await database.query<{ uuid: string; subnet: string; gateway: string | null; resolvers: string[] | null }>(
    "SELECT uuid, subnet::text AS subnet, host(gateway) AS gateway, more->'resolvers' AS resolvers FROM networks WHERE family = 4 AND $1::inet << subnet ORDER BY name = 'admin' DESC, vlan_id, name LIMIT 1",
    [address],
  );
  const subnet = network && parseSubnet(network.subnet);
  if (!network || !subnet) return undefined;
  const heads = await database.query<{ url: string }>('SELECT url FROM heads WHERE url IS NOT NULL GROUP BY url ORDER BY max(seen_at) DESC LIMIT 16');
  return {
    datacenter,
    network: {
      uuid: network.uuid,
      subnet: network.subnet,
      netmask: netmaskText(subnet),
      ...(network.gateway === null ? {} : { gateway: network.gateway }),
      resolvers: (network.resolvers ?? []).filter((resolver) => resolver.includes('.')),
    },
    head: { heads: heads.map(({ url }) => url), ca_sha256: caFingerprint },
  };
}

interface NicPlace {
  readonly mac: string;
  readonly ip: string;
  readonly holder: string;
  readonly hostname: string | null;
  readonly server: string | null;
  readonly trial: string | null;
  readonly once: string | null;
}

/** Nics of machines on the admin network: instances are none of the boot service's. */
async function nicRows({ database }: LookUp, { network }: Site, which: readonly string[] | undefined): Promise<readonly NicPlace[]> {
  return await database.query<NicPlace & Record<string, unknown>>(
    `SELECT c.mac, host(c.ip) AS ip, c.belongs_to_uuid AS holder, s.hostname, s.uuid AS server, t.platform AS trial, o.how AS once
     FROM nics c LEFT JOIN servers s ON s.uuid = c.belongs_to_uuid
       LEFT JOIN boot_trials t ON t.server_uuid = s.uuid AND t.handed_out_at IS NULL AND t.ended_at IS NULL
       LEFT JOIN boot_once o ON o.server_uuid = s.uuid
     WHERE c.network_uuid = $1 AND c.ip IS NOT NULL AND c.belongs_to_type <> 'zone' AND ($2::text[] IS NULL OR c.mac = ANY($2) OR c.belongs_to_uuid::text = ANY($2))
     ORDER BY c.mac`,
    [network.uuid, which],
  );
}

const AT_ONCE = 8;

async function machinesOf(lookUp: LookUp, site: Site, rows: readonly NicPlace[]): Promise<readonly Machine[]> {
  const params = await paramsByName(lookUp.database, rows);
  const machines: Machine[] = [];
  for (let first = 0; first < rows.length; first += AT_ONCE) {
    machines.push(...(await Promise.all(rows.slice(first, first + AT_ONCE).map((row) => machineOf(lookUp, site, { row, params })))));
  }
  return machines;
}

async function machineOf(lookUp: LookUp, site: Site, { row, params }: { readonly row: NicPlace; readonly params: ReadonlyMap<string, BootParams> }): Promise<Machine> {
  const { mac, ip, holder, server, trial, once } = row;
  const hostname = labelOf(row);
  const fallback = params.get(DEFAULT_NAME) ?? {};
  const own = (server === null ? undefined : params.get(server)) ?? fallback;
  const platform = own.platform ?? fallback.platform;
  return {
    mac,
    ip,
    hostname,
    ...(server === null ? {} : { server }),
    params: { ...own, ...(platform === undefined ? {} : { platform }) },
    networking: await networkingFor(lookUp, { mac, holder, hostname, datacenter: site.datacenter }),
    ...(trial !== null || once !== null ? { pending: true } : {}),
  };
}

async function networkingFor({ database, onInvalid }: LookUp, { mac, holder, hostname, datacenter }: { readonly mac: string; readonly holder: string; readonly hostname: string; readonly datacenter: string }): Promise<Networking | undefined> {
  try {
    return parseNetworking(await networkingOf(database, holder, { hostname, datacenterName: datacenter }));
  } catch (error) {
    onInvalid(mac, error);
    return undefined;
  }
}

async function paramsByName(database: Database, rows: readonly NicPlace[]): Promise<ReadonlyMap<string, BootParams>> {
  const names = [DEFAULT_NAME, ...rows.flatMap(({ server }) => server ?? [])];
  const found = await database.query<{ name: string; params: BootParams }>('SELECT name, params FROM boot_params WHERE name = ANY($1::text[])', [names]);
  return new Map(found.map(({ name, params }) => [name, params]));
}

/** A server's name without its domain, when it can be one; as a machine without a name is called otherwise. */
function labelOf({ mac, hostname, server }: NicPlace): string {
  const [label = ''] = (hostname ?? '').split('.');
  return server !== null && hostname !== server && /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label) ? label : dashed(mac);
}
