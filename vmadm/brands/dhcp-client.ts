/** Zones whose addresses come from DHCP get a client from their node: an image need not have one, nor know of it. */
import { join } from 'node:path';
import { existsSync } from 'node:fs';
import { hostErrors } from '../../host/errors/host-errors.ts';
import type { LxcEntry } from '../../host/lxc/config.ts';
import { vmErrors } from '../errors.ts';
import type { VmRecord } from '../payload/index.ts';

/** What a zone sees of the client, and where. */
export const DHCP_DIRECTORY = 'native/usr/dhcp';
export const DHCP_SCRIPT = 'lease';

/** Debian's `busybox-static`; the zone's own libraries do not matter to it. */
export const BUSYBOX = '/bin/busybox';

/** Whether any nic of a record gets its address from DHCP. */
export function wantsDhcp({ nics }: Pick<VmRecord, 'nics'>): boolean {
  return nics.some(isDynamic);
}

/** @throws DhcpClientMissing */
export function requireDhcpClient(record: Pick<VmRecord, 'nics'>): void {
  if (wantsDhcp(record) && !existsSync(BUSYBOX)) throw vmErrors.DhcpClientMissing();
}

/** The hook that starts the clients of a zone. */
export function dhcpEntries({ nics }: VmRecord, lxcDirectory: string): LxcEntry[] {
  const names = nics.filter(isDynamic).map((nic) => (nic.primary === true ? `${nic.interface}:primary` : nic.interface));
  if (names.length === 0) return [];
  const script = join(import.meta.dirname, '../../host/lxc/dhcp/start-clients.sh');
  for (const path of [script, lxcDirectory]) if (!/^[A-Za-z0-9/_.-]+$/.test(path)) throw hostErrors.UnsafePath({ path, reason: 'a hook cannot take it' });
  for (const name of names) if (!/^[A-Za-z][A-Za-z0-9_]{0,14}(:primary)?$/.test(name)) throw hostErrors.UnsafeConfigValue({ key: 'interface', value: JSON.stringify(name), reason: 'a hook cannot take it' });
  return [['lxc.hook.start-host', `/bin/sh ${script} ${lxcDirectory} ${names.join(' ')}`]];
}

/** What a lease means to a zone. Resolvers of the payload come before those of a lease. */
export function leaseScript({ resolvers }: Pick<VmRecord, 'resolvers'>): string {
  return `#!/${DHCP_DIRECTORY}/busybox sh
# udhcpc says in $1 what happened, and what it was given in variables.
ip() { /${DHCP_DIRECTORY}/busybox ip "$@"; }
label=$interface
[ \${#interface} -gt 13 ] || label=$interface:d
case $1 in
  deconfig)
    ip link set dev "$interface" up
    [ "$label" = "$interface" ] || ip -4 address flush dev "$interface" label "$label"
    ;;
  bound | renew)
    ip -4 address show dev "$interface" | /${DHCP_DIRECTORY}/busybox grep -q "inet $ip/" || ip address add "$ip/\${mask:-24}" broadcast + dev "$interface" label "$label"
    [ -z "$primary" ] || [ -z "$router" ] || ip route replace default via "\${router%% *}" dev "$interface"
${resolvers.length > 0 ? '' : RESOLVERS}    ;;
esac
`;
}

const RESOLVERS = `    [ -z "$dns" ] || {
      [ -z "$domain" ] || echo "search $domain"
      for server in $dns; do echo "nameserver $server"; done
    } >/etc/resolv.conf
`;

function isDynamic({ ips }: VmRecord['nics'][number]): boolean {
  return (ips ?? []).includes('dhcp');
}
