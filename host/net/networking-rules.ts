/** What the parts of a `networking.json` must be to each other. */
import { addressText, networkOf, overlap, parseDestination, prefixOfNetmask, type Network } from './ipv4.ts';
import type { Networking, NetworkingVnic } from './networking.ts';

export interface NetworkingFinding {
  readonly path: ReadonlyArray<string | number>;
  readonly message: string;
}

/** Everything that does not fit together. */
export function findingsIn(document: Networking): NetworkingFinding[] {
  return [...tagFindings(document), ...aggregationFindings(document), ...document.vnics.flatMap((vnic, index) => vnicFindings(document, vnic, index)), ...togetherFindings(document), ...routeFindings(document)];
}

function tagFindings({ nictags, aggregations }: Networking): NetworkingFinding[] {
  return nictags.flatMap(({ name, mac }, index) => {
    const path = ['nictags', index];
    const providers = aggregations.filter(({ nic_tags_provided }) => nic_tags_provided.includes(name)).length;
    return [
      ...(nictags.findIndex((one) => one.name === name) < index ? [{ path, message: `there are two nic tags "${name}"` }] : []),
      ...(mac === undefined && providers === 0 ? [{ path, message: `nic tag "${name}" has no mac, and no aggregation provides it` }] : []),
      ...(providers + (mac === undefined ? 0 : 1) > 1 ? [{ path, message: `nic tag "${name}" is on more than one interface` }] : []),
    ];
  });
}

function aggregationFindings({ nictags, aggregations }: Networking): NetworkingFinding[] {
  const macs = aggregations.flatMap((aggregation) => aggregation.macs);
  return aggregations.flatMap(({ name, macs: own, nic_tags_provided }, index) => {
    const path = ['aggregations', index];
    return [
      ...(aggregations.findIndex((one) => one.name === name) < index ? [{ path, message: `there are two aggregations "${name}"` }] : []),
      ...own.filter((mac) => macs.filter((one) => one === mac).length > 1).map((mac) => ({ path, message: `interface ${mac} is in aggregations twice` })),
      ...own.filter((mac) => nictags.some((tag) => tag.mac === mac)).map((mac) => ({ path, message: `interface ${mac} cannot have a nic tag of its own, it is part of "${name}"` })),
      ...nic_tags_provided.filter((tag) => !nictags.some((one) => one.name === tag)).map((tag) => ({ path, message: `there is no nic tag "${tag}"` })),
    ];
  });
}

function vnicFindings({ nictags }: Networking, vnic: NetworkingVnic, index: number): NetworkingFinding[] {
  const path = ['vnics', index];
  const missing = nictags.some(({ name }) => name === vnic.nic_tag) ? [] : [{ path, message: `there is no nic tag "${vnic.nic_tag}"` }];
  if (vnic.ip === 'dhcp') return [...missing, ...(vnic.netmask === undefined && vnic.gateway === undefined ? [] : [{ path, message: 'netmask and gateway come by DHCP' }])];
  const network = networkOfVnic(vnic);
  if (!network) return [...missing, { path, message: vnic.netmask === undefined ? 'an address needs a netmask' : `${vnic.netmask} is not a netmask of 8 to 32 bits` }];
  return [...missing, ...(isHostAddress(network) ? [] : [{ path, message: `${vnic.ip} is not an address that a host can have` }]), ...gatewayFindings(vnic, network, path)];
}

function gatewayFindings({ ip, gateway }: NetworkingVnic, network: Network, path: NetworkingFinding['path']): NetworkingFinding[] {
  if (gateway === undefined) return [];
  const { address } = networkOf(gateway, 32);
  if (gateway === ip) return [{ path, message: `the gateway ${gateway} is the node itself` }];
  return address >= network.first && address <= network.last ? [] : [{ path, message: `the gateway ${gateway} is not in the network of ${ip}` }];
}

function togetherFindings({ vnics }: Networking): NetworkingFinding[] {
  const findings: NetworkingFinding[] = vnics.filter(({ primary }) => primary).length > 1 ? [{ path: ['vnics'], message: 'only one can be primary' }] : [];
  vnics.forEach((vnic, index) => {
    for (const other of vnics.slice(0, index)) {
      const reason = clash(vnic, other);
      if (reason !== undefined) findings.push({ path: ['vnics', index], message: reason });
    }
  });
  return findings;
}

function clash(vnic: NetworkingVnic, other: NetworkingVnic): string | undefined {
  const together = vnic.nic_tag === other.nic_tag && vnic.vlan_id === other.vlan_id;
  if (together && vnic.ip === 'dhcp' && other.ip === 'dhcp') return 'its address comes by DHCP already';
  if (vnic.ip !== 'dhcp' && vnic.ip === other.ip) return `${vnic.ip} is there twice`;
  const [one, two] = [networkOfVnic(vnic), networkOfVnic(other)];
  return !together && one && two && overlap(one, two) ? `its network overlaps that of ${other.ip}` : undefined;
}

function routeFindings({ routes, vnics }: Networking): NetworkingFinding[] {
  const networks = vnics.flatMap((vnic) => networkOfVnic(vnic) ?? []);
  const dynamic = vnics.some(({ ip }) => ip === 'dhcp');
  return Object.entries(routes).flatMap(([destination, gateway]) => {
    const path = ['routes', destination];
    if (destination !== 'default' && !parseDestination(destination)) return [{ path, message: 'must be "default" or a subnet, like 10.0.0.0/8' }];
    const { address } = networkOf(gateway, 32);
    const reachable = dynamic || networks.some((network) => address >= network.first && address <= network.last && address !== network.address);
    return reachable ? [] : [{ path, message: `the next hop ${gateway} is on no network of the node` }];
  });
}

function isHostAddress(network: Network): boolean {
  const [top] = addressText(network.address).split('.').map(Number);
  if (top === undefined || top === 0 || top === 127 || top >= 224) return false;
  return network.prefix >= 31 || (network.address !== network.first && network.address !== network.last);
}

/** The network that a static address is in; undefined for DHCP, and while its netmask is none. */
export function networkOfVnic({ ip, netmask }: Pick<NetworkingVnic, 'ip' | 'netmask'>): Network | undefined {
  const prefix = netmask === undefined ? undefined : prefixOfNetmask(netmask);
  return ip === 'dhcp' || prefix === undefined || prefix < 8 ? undefined : networkOf(ip, prefix);
}
