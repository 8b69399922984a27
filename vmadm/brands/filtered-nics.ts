import type { FilteredNic } from '../../host/net/anti-spoofing.ts';
import { hostInterfaceName } from '../../host/net/names.ts';
import type { VmRecord } from '../payload/index.ts';

/** What each nic of an instance may send, from its record (reference §2.5: `dhcp_server` opens DHCP and source addresses). */
export function filteredNics(record: VmRecord): FilteredNic[] {
  return record.nics.map((nic, index) => {
    const ips = nic.ips ?? [];
    const serves = nic.dhcp_server === true;
    return {
      interface: hostInterfaceName(record.uuid, index),
      mac: nic.mac,
      addresses: [...ips.filter((ip) => ip.includes('/')).map((ip) => ip.split('/')[0] ?? ip), ...(nic.allowed_ips ?? [])],
      dynamic: { ipv4: ips.includes('dhcp'), ipv6: ips.includes('addrconf') },
      allow: {
        mac: nic.allow_mac_spoofing === true,
        ip: serves || nic.allow_ip_spoofing === true,
        dhcp: serves || nic.allow_dhcp_spoofing === true,
        restricted: nic.allow_restricted_traffic === true,
      },
    };
  });
}
