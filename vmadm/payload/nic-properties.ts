/** The properties of a nic (reference §2.7, `nics.*`). An element is known by its `mac`. */
import { ALL, HVM, OS_AND_KVM, type PropertyTable, type Stored } from './property.ts';

export const NIC_PROPERTIES = {
  interface: { type: 'string', brands: ALL, actions: 'au', always: true, format: 'interfaceName', defaultText: 'net0, net1 …; lx: eth0 …', summary: 'name inside the guest' },
  mac: { type: 'string', brands: ALL, actions: 'au', always: true, format: 'mac', defaultText: 'generated', summary: 'MAC address' },
  nic_tag: { type: 'string', brands: ALL, actions: 'au', always: true, merged: true, summary: 'network that it is on; must exist on the node' },
  vlan_id: { type: 'integer', brands: ALL, actions: 'au', merged: true, min: 0, max: 4095, defaultText: 'untagged', summary: 'VLAN on that network' },
  ip: { type: 'string', brands: ALL, actions: 'au', merged: true, transient: true, summary: 'an IPv4 address, or dhcp; `ips` is the newer form' },
  netmask: { type: 'string', brands: ALL, actions: 'au', merged: true, transient: true, summary: 'netmask of ip' },
  ips: { type: 'list', brands: ALL, actions: 'au', merged: true, summary: 'at most 20 of ADDRESS/PREFIX, dhcp and addrconf' },
  gateway: { type: 'string', brands: ALL, actions: 'au', merged: true, transient: true, summary: 'an IPv4 gateway; `gateways` is the newer form' },
  gateways: { type: 'list', brands: ALL, actions: 'au', merged: true, summary: 'IPv4 gateways; those of the primary nic make the default route' },
  primary: { type: 'boolean', brands: ALL, actions: 'au', merged: true, format: 'primaryFlag', hidden: 'when-false', defaultText: 'true for the first nic', summary: 'default route and resolvers come from this nic' },
  model: { type: 'string', brands: HVM, actions: 'au', merged: true, defaultText: 'nic_driver', summary: 'virtio, e1000 or rtl8139' },
  mtu: { type: 'integer', brands: ALL, actions: 'au', merged: true, min: 576, max: 9000, unit: 'bytes', defaultText: "the network's", summary: 'largest packet' },
  network_uuid: { type: 'uuid', brands: ALL, actions: 'au', merged: true, summary: "the network's uuid in a fleet" },
  allow_dhcp_spoofing: { type: 'boolean', brands: ALL, actions: 'au', merged: true, hidden: 'when-false', defaultText: 'false', summary: 'it may answer DHCP requests' },
  allow_ip_spoofing: { type: 'boolean', brands: ALL, actions: 'au', merged: true, hidden: 'when-false', defaultText: 'false', summary: 'it may send from any address' },
  allow_mac_spoofing: { type: 'boolean', brands: ALL, actions: 'au', merged: true, hidden: 'when-false', defaultText: 'false', summary: 'it may send from any MAC address' },
  allow_restricted_traffic: { type: 'boolean', brands: ALL, actions: 'au', merged: true, hidden: 'when-false', defaultText: 'false', summary: 'it may send what is neither IP nor ARP' },
  allow_unfiltered_promisc: { type: 'boolean', brands: HVM, actions: 'au', merged: true, hidden: 'when-false', defaultText: 'false', summary: 'it sees all packets of its network' },
  dhcp_server: { type: 'boolean', brands: ALL, actions: 'au', merged: true, hidden: 'when-false', defaultText: 'false', summary: 'it may be a DHCP server' },
  allowed_ips: { type: 'list', brands: ALL, actions: 'au', hidden: 'when-empty', summary: 'at most 13 further addresses or networks that it may send from' },
  allowed_dhcp_cids: { type: 'list', brands: OS_AND_KVM, actions: 'au', format: 'clientId', hidden: 'when-empty', summary: 'at most 20 DHCP client ids that it may use' },
  blocked_outgoing_ports: { type: 'list', brands: ALL, actions: 'au', merged: true, format: 'port', hidden: 'when-empty', summary: 'ports that it may not send to' },
  vrrp_vrid: { type: 'integer', brands: ALL, actions: 'au', merged: true, min: 0, max: 255, summary: 'virtual router id; sets the MAC address' },
  vrrp_primary_ip: { type: 'string', brands: ALL, actions: 'au', merged: true, summary: "address of another nic of the instance, for the router's own packets" },
} as const satisfies PropertyTable;

/** A nic as it is stored. `ip`, `netmask` and `gateway` are derived from `ips` and `gateways` where they are shown. */
export type NicRecord = Stored<typeof NIC_PROPERTIES>;
