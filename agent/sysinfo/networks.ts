/**
 * The host's network interfaces. A nic tag is carried by the interface that is its bridge's uplink, or, where the network is
 * this node's alone, by the bridge itself.
 */
import { readlink } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { basename, join } from 'node:path';
import { namesIn } from '../../host/files/names-in.ts';
import { isSystemError } from '../../host/errors/errors.ts';
import { readFileIfPresent } from '../../host/files/atomic.ts';
import { hostAddresses } from '../../host/net/bridge.ts';
import type { NicTags } from '../../host/net/nic-tags.ts';
import type { NetworkInterface, Sysinfo, VirtualInterface } from '../wire/sysinfo.ts';

/** The nic tag of the admin network. */
export const ADMIN_TAG = 'admin';

interface Interface {
  readonly name: string;
  readonly mac: string;
  readonly up: boolean;
  readonly ip: string;
  readonly physical: boolean;
  /** The bridge or bond that it is part of. */
  readonly master: string | undefined;
  readonly bond: { readonly mode: string; readonly members: readonly string[] } | undefined;
}

type NetworkFacts = Pick<Sysinfo, 'Network Interfaces' | 'Virtual Network Interfaces' | 'Link Aggregations' | 'Admin NIC Tag' | 'Admin IP'>;

export async function networkFacts(tags: NicTags, sys = '/sys'): Promise<NetworkFacts> {
  return describeNetworks(await interfacesOf(sys), tags);
}

/** Interfaces of guests are none of the host's: they have masters, and neither hardware nor a tag. */
export function describeNetworks(interfaces: readonly Interface[], tags: NicTags): NetworkFacts {
  const carriers = new Map<string, string[]>();
  for (const [tag, { bridge, uplink }] of Object.entries(tags)) {
    const carrier = uplink ?? interfaces.find((one) => one.physical && one.master === bridge)?.name ?? bridge;
    carriers.set(carrier, [...(carriers.get(carrier) ?? []), tag]);
  }
  const bridges = new Set(Object.values(tags).map(({ bridge }) => bridge));
  const named = (name: string): Interface | undefined => interfaces.find((one) => one.name === name);
  const own = interfaces.filter(({ name, physical }) => physical || carriers.has(name));
  const admin = tags[ADMIN_TAG];
  const adminIp = (admin && named(admin.bridge)?.ip) || admin?.address?.split('/')[0];
  return {
    'Network Interfaces': Object.fromEntries(own.map((one) => [one.name, shownInterface(one, carriers.get(one.name) ?? [], one.ip || ipOfMaster(one))])),
    'Virtual Network Interfaces': Object.fromEntries(
      interfaces.filter(({ name, ip }) => bridges.has(name) && !carriers.has(name) && ip !== '').map((one) => [one.name, shownBridge(one, carrierOf(one.name))]),
    ),
    'Link Aggregations': Object.fromEntries(interfaces.flatMap(({ name, bond }) => (bond ? [[name, { 'LACP mode': bond.mode, Interfaces: [...bond.members] }]] : []))),
    ...(admin && { 'Admin NIC Tag': ADMIN_TAG }),
    ...(adminIp !== undefined && adminIp !== '' && { 'Admin IP': adminIp }),
  };

  /** The host's address on a network sits on the bridge; peers look for it on the nic with the tag. */
  function ipOfMaster({ master }: Interface): string {
    return (master !== undefined && bridges.has(master) && named(master)?.ip) || '';
  }

  function carrierOf(bridge: string): string {
    return interfaces.find(({ name, master }) => master === bridge && carriers.has(name))?.name ?? bridge;
  }
}

function shownInterface({ mac, up }: Interface, names: readonly string[], ip: string): NetworkInterface {
  return { 'MAC Address': mac, ip4addr: ip, 'Link Status': up ? 'up' : 'down', 'NIC Names': [...names] };
}

function shownBridge({ mac, up, ip }: Interface, host: string): VirtualInterface {
  return { 'MAC Address': mac, ip4addr: ip, 'Link Status': up ? 'up' : 'down', 'Host Interface': host, VLAN: '0' };
}

async function interfacesOf(sys: string): Promise<Interface[]> {
  const directory = join(sys, 'class/net');
  // Not Node's own list, which leaves out an interface without a carrier: a bridge whose last zone has just stopped.
  const addresses = (await hostAddresses()).filter(({ address }) => isIPv4(address));
  const found = await Promise.all((await namesIn(directory)).sort().map((name) => lookAt(join(directory, name), addresses.find((one) => one.interface === name)?.address ?? '')));
  return found.filter((one) => one !== undefined);
}

const IFF_UP = 1;
/** ARPHRD_LOOPBACK. */
const LOOPBACK = '772';

/** Undefined for the loopback, and for one that went away meanwhile. */
async function lookAt(path: string, ip: string): Promise<Interface | undefined> {
  const [type, shown, own, state, mode, members, flags] = await Promise.all(['type', 'address', 'bonding_slave/perm_hwaddr', 'operstate', 'bonding/mode', 'bonding/slaves', 'flags'].map((file) => read(join(path, file))));
  // All members of an aggregation have its address for as long as they are part of it.
  const mac = own ?? shown;
  if (mac === undefined || mac === '' || type === LOOPBACK) return undefined;
  const [device, master] = await Promise.all([linkOf(join(path, 'device')), linkOf(join(path, 'master'))]);
  // A bridge without a port has no carrier; a network of this node alone is there all the same.
  const isEmptyBridge = (Number(flags ?? 0) & IFF_UP) !== 0 && (await namesIn(join(path, 'brif'))).length === 0 && (await namesIn(join(path, 'bridge'))).length > 0;
  const bond = mode === undefined ? undefined : { mode: mode.includes('802.3ad') ? 'active' : 'off', members: (members ?? '').split(' ').filter((name) => name !== '') };
  return { name: basename(path), mac, up: state === 'up' || state === 'unknown' || isEmptyBridge, ip, physical: device !== undefined || bond !== undefined, master, bond };
}

async function read(path: string): Promise<string | undefined> {
  try {
    return (await readFileIfPresent(path))?.trim();
  } catch (error) {
    if (isSystemError(error, 'EINVAL', 'EPERM')) return undefined;
    throw error;
  }
}

async function linkOf(path: string): Promise<string | undefined> {
  try {
    return basename(await readlink(path));
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'EINVAL')) return undefined;
    throw error;
  }
}
