import type { Disk } from '../disks/list.ts';
import { capacityOf } from '../disks/propose.ts';
import { sizeText } from '../disks/select.ts';
import type { InstallPlan } from './plan.ts';

const ROLES = { standalone: 'a node on its own', head: 'a head node, which other machines boot from', node: 'a node of a fleet' } as const;

/** A plan for a person, line by line: what will be, and what will be lost. No secret is in it. */
export function summaryOf(plan: InstallPlan): string[] {
  const { networking, pool, lost, access, head, join } = plan;
  const [admin] = networking.vnics;
  const others = networking.nictags.filter(({ name }) => name !== 'admin');
  const rows: Array<readonly [string, string]> = [
    ['This machine', ROLES[plan.role]],
    ['Host name', networking.hostname ?? ''],
    ['Admin network', `${addressText(admin)} on ${networking.nictags[0]?.mac ?? ''}${admin && admin.vlan_id > 0 ? `, VLAN ${admin.vlan_id}` : ''}`],
    ...others.map(({ name, mac = '' }) => ['Nic tag', `${name} on ${mac}`] as const),
    ['DNS', `${networking.resolvers.join(', ') || 'none but by DHCP'}${networking.dns_domain === undefined ? '' : `, domain ${networking.dns_domain}`}`],
    ...(networking.ntp_hosts === undefined ? [] : [['Time', networking.ntp_hosts.join(', ')] as const]),
    ...(head ? headRows(head) : []),
    ...(join ? [['Head node', 'head' in join ? join.head : 'the one of the token'] as const] : []),
    ['Pool', `zones, ${pool.layout}, about ${sizeText(capacityOf(pool.layout, pool.disks))}${pool.bootable ? ', bootable' : ''}`],
    ...pool.disks.map((disk) => ['', diskLine(disk)] as const),
    ['Root logs in', accessText(access)],
  ];
  return [...rows.map(([name, value]) => `  ${name.padEnd(15)}${value}`), ...(lost.length === 0 ? [] : ['', ...lost.map(({ path, content }) => `  WILL BE LOST: ${content ?? ''} on ${path}`)])];
}

/** One disk in a line. */
export function diskLine({ path, size, model, serial, transport, rotational, content, obstacle }: Disk): string {
  const what = [model, serial === '' ? '' : `serial ${serial}`, `${transport}${rotational && transport !== 'virtio' ? ', rotating' : ''}`].filter((part) => part !== '').join(', ');
  return `${path.padEnd(14)}${sizeText(size).padEnd(10)}${what}; ${content ?? 'empty'}${obstacle === undefined ? '' : ` (${obstacle})`}`;
}

function headRows({ datacenter, dhcpRange, setupNodes }: NonNullable<InstallPlan['head']>): Array<readonly [string, string]> {
  return [
    ['Datacenter', datacenter],
    ['New machines', `get ${dhcpRange.start} to ${dhcpRange.end}, and are set up ${setupNodes === 'automatic' ? 'by themselves' : 'when an operator says so'}`],
  ];
}

function addressText(admin: InstallPlan['networking']['vnics'][number] | undefined): string {
  if (!admin || admin.ip === 'dhcp') return 'an address by DHCP';
  return `${admin.ip}, netmask ${admin.netmask ?? ''}${admin.gateway === undefined ? ', no gateway' : `, gateway ${admin.gateway}`}`;
}

function accessText({ passwordHash, authorizedKeys }: InstallPlan['access']): string {
  const keys = authorizedKeys.length === 0 ? [] : [authorizedKeys.length === 1 ? 'an ssh key' : `${authorizedKeys.length} ssh keys`];
  return [...(passwordHash === undefined ? [] : ['a password on the console']), ...keys].join(', ') || 'as the head node says';
}
