/** Network interfaces as they are made and found, without what is on them. */
import { run } from '../run/run.ts';

export interface Link {
  readonly name: string;
  readonly mac: string;
  /** `bridge`, `bond`, `vlan`, `veth` …; undefined for hardware. */
  readonly kind: string | undefined;
  /** What it is part of. */
  readonly master: string | undefined;
  readonly hasCarrier: boolean;
}

/** All interfaces of this network namespace but the loopback. One that is part of a bond is told with the address that it had before. */
export async function listLinks(): Promise<Link[]> {
  const { stdout } = await run(['ip', '-j', '-d', 'link', 'show']);
  const links = JSON.parse(stdout || '[]') as ShownLink[];
  return links.flatMap(({ ifname, address, permaddr, linkinfo, master, flags = [], link_type }) => {
    if (link_type !== 'ether' || address === undefined) return [];
    const mac = linkinfo?.info_slave_data?.perm_hwaddr ?? permaddr ?? address;
    return { name: ifname, mac, kind: linkinfo?.info_kind, master, hasCarrier: flags.includes('LOWER_UP') };
  });
}

interface ShownLink {
  readonly ifname: string;
  readonly link_type?: string;
  readonly address?: string;
  readonly permaddr?: string;
  readonly master?: string;
  readonly flags?: readonly string[];
  readonly linkinfo?: { readonly info_kind?: string; readonly info_slave_data?: { readonly perm_hwaddr?: string } };
}

/** Interfaces that carry a network into the host: hardware, and a veth whose other end is another namespace's. */
export function isCarrier({ kind, name }: Link): boolean {
  return kind === undefined || (kind === 'veth' && !name.startsWith('zw'));
}

/** Bonds by what their members agree on with the switch. */
const BOND_MODES = {
  off: ['mode', 'balance-xor'],
  active: ['mode', '802.3ad', 'lacp_active', 'on'],
  passive: ['mode', '802.3ad', 'lacp_active', 'off'],
} as const;

export interface BondOptions {
  readonly lacp: keyof typeof BOND_MODES;
  readonly mac: string;
  /** Names of the interfaces that it is made of. */
  readonly members: readonly string[];
}

/** Make several interfaces one. What is there already stays as it is, with its mode. */
export async function ensureBond(name: string, { lacp, mac, members }: BondOptions): Promise<void> {
  const links = await listLinks();
  if (!links.some((link) => link.name === name)) {
    // The module would make an interface of its own otherwise.
    await run(['modprobe', 'bonding', 'max_bonds=0'], { acceptExitCodes: [0, 1] });
    await run(['ip', 'link', 'add', 'name', name, 'address', mac, 'type', 'bond', ...BOND_MODES[lacp], 'miimon', '100', 'xmit_hash_policy', 'layer3+4']);
  }
  for (const member of members) {
    if (links.find((link) => link.name === member)?.master === name) continue;
    // A bond takes none that is up.
    await run(['ip', 'link', 'set', 'dev', member, 'down']);
    await run(['ip', 'link', 'set', 'dev', member, 'master', name]);
  }
  await run(['ip', 'link', 'set', 'dev', name, 'up']);
}

export interface VlanInterface {
  /** The bridge that it is on. */
  readonly bridge: string;
  readonly vlan: number;
  readonly mac: string;
  readonly mtu?: number | undefined;
  /** Whether the bridge keeps VLANs apart, so that its own port must be let into this one. */
  readonly filtered: boolean;
}

/** The host's own interface in a VLAN of a bridge. */
export async function ensureVlanInterface(name: string, { bridge, vlan, mac, mtu, filtered }: VlanInterface): Promise<void> {
  if (!(await listLinks()).some((link) => link.name === name)) await run(['ip', 'link', 'add', 'link', bridge, 'name', name, 'address', mac, 'type', 'vlan', 'id', String(vlan)]);
  if (filtered) await run(['bridge', 'vlan', 'add', 'dev', bridge, 'vid', String(vlan), 'self']);
  await run(['ip', 'link', 'set', 'dev', name, 'address', mac, ...(mtu === undefined ? [] : ['mtu', String(mtu)]), 'up']);
}
