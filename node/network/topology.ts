/** Which bridges and interfaces a document asks for. Nothing is looked up here but the names that interfaces have. */
import { createHash } from 'node:crypto';
import { bridgeNameOf } from '../../host/net/bridge.ts';
import type { Networking, NetworkingVnic } from '../../host/net/networking.ts';
import { networkOfVnic } from '../../host/net/networking-rules.ts';

/** A bridge, what connects it to the outside, and the nic tags that are on it. */
export interface WantedBridge {
  readonly name: string;
  readonly tags: readonly string[];
  /** The MAC of its interface, or the name of the aggregation. */
  readonly carrier: { readonly mac: string } | { readonly aggregation: string };
  readonly mtu: number | undefined;
}

/** An interface with addresses of the node: a bridge, or one in a VLAN of it. */
export interface WantedInterface {
  readonly name: string;
  readonly tag: string;
  readonly bridge: string;
  readonly vlan: number;
  readonly mac: string;
  readonly mtu: number | undefined;
  /** `10.88.0.5/24`. */
  readonly addresses: readonly string[];
  readonly dhcp: boolean;
  /** The way out goes through it, when its DHCP server says so. */
  readonly primary: boolean;
}

/** Tags on one interface share a bridge, since an interface can be in only one; it is named after the admin tag, else the first. */
export function bridgesOf({ nictags, aggregations, admin_tag }: Networking): WantedBridge[] {
  const groups = new Map<string, WantedBridge>();
  const inOrder = nictags.toSorted((one, other) => Number(other.name === admin_tag) - Number(one.name === admin_tag) || (one.name < other.name ? -1 : 1));
  for (const { name, mac, mtu } of inOrder) {
    const aggregation = aggregations.find(({ nic_tags_provided }) => nic_tags_provided.includes(name));
    const carrier = aggregation ? { aggregation: aggregation.name } : { mac: mac ?? '' };
    const key = JSON.stringify(carrier);
    const known = groups.get(key) ?? { name: bridgeNameOf(name), tags: [], carrier, mtu: undefined };
    groups.set(key, { ...known, tags: [...known.tags, name], mtu: mtu === undefined ? known.mtu : Math.max(mtu, known.mtu ?? 0) });
  }
  return [...groups.values()];
}

/** The node's own interfaces. */
export function interfacesOf(document: Networking): WantedInterface[] {
  const bridges = bridgesOf(document);
  const found = new Map<string, WantedInterface>();
  for (const vnic of document.vnics) {
    const bridge = bridges.find(({ tags }) => tags.includes(vnic.nic_tag));
    if (!bridge) continue;
    const name = vnic.vlan_id === 0 ? bridge.name : vlanInterfaceName(bridge.name, vnic.vlan_id);
    const known = found.get(name) ?? { name, tag: vnic.nic_tag, bridge: bridge.name, vlan: vnic.vlan_id, mac: vnic.mac, mtu: vnic.mtu, addresses: [], dhcp: false, primary: false };
    found.set(name, { ...known, mac: vnic.primary ? vnic.mac : known.mac, addresses: [...known.addresses, ...addressOf(vnic)], dhcp: known.dhcp || vnic.ip === 'dhcp', primary: known.primary || leadsOut(document, vnic) });
  }
  return [...found.values()];
}

/** Destinations and next hops that are known without asking anybody. */
export function routesOf({ routes, vnics }: Networking): Array<readonly [destination: string, gateway: string]> {
  const gateway = (vnics.find(({ primary }) => primary) ?? vnics.find((vnic) => vnic.gateway !== undefined))?.gateway;
  return Object.entries({ ...(gateway !== undefined && { default: gateway }), ...routes });
}

/** Within the kernel's 15 characters; a dot is in no bridge's name. */
function vlanInterfaceName(bridge: string, vlan: number): string {
  const readable = `${bridge}.${vlan}`;
  return readable.length <= 15 ? readable : `zv.${createHash('sha256').update(readable).digest('hex').slice(0, 12)}`;
}

function addressOf(vnic: NetworkingVnic): string[] {
  const network = networkOfVnic(vnic);
  return network ? [`${vnic.ip}/${network.prefix}`] : [];
}

/** Of several interfaces with DHCP the primary one; without one, the only one. */
function leadsOut({ vnics, routes }: Networking, vnic: NetworkingVnic): boolean {
  if (routes['default'] !== undefined) return false;
  const others = vnics.filter((one) => one !== vnic);
  return vnic.primary || !others.some(({ primary, gateway, ip }) => primary || gateway !== undefined || ip === 'dhcp');
}
