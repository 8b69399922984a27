/** From answers and what the machine has to one installation: everything is decided here, and nothing is done. */
import { isIPv4 } from 'node:net';
import { hostErrors } from '../../host/errors/host-errors.ts';
import { addressText as text, netmaskOf, networkOf, prefixOfNetmask, type Network } from '../../host/net/ipv4.ts';
import { parseNetworking, type Networking } from '../../host/net/networking.ts';
import type { Disk } from '../disks/list.ts';
import { layoutFor, LEAST_DISKS, type Layout } from '../disks/propose.ts';
import { selectDisks } from '../disks/select.ts';
import { nodeErrors } from '../errors.ts';
import type { Answers } from './answers.ts';
import type { Interface, Machine } from './machine.ts';

/** What root can log in with. */
export interface Access {
  readonly passwordHash?: string;
  readonly authorizedKeys: readonly string[];
}

export interface InstallPlan {
  readonly role: 'standalone' | 'head' | 'node';
  readonly networking: Networking;
  readonly pool: { readonly disks: readonly Disk[]; readonly layout: Layout; readonly bootable: boolean };
  /** Disks of the pool that hold something, which is lost. */
  readonly erased: readonly Disk[];
  /** Those of them that hold something which may be missed: more than what an interrupted installation left. */
  readonly lost: readonly Disk[];
  readonly access: Access;
  readonly head?: HeadPlan;
  readonly join?: NonNullable<Answers['join']>;
}

export interface HeadPlan {
  readonly datacenter: string;
  readonly dhcpRange: { readonly start: string; readonly end: string };
  readonly setupNodes: 'automatic' | 'by_operator';
}

/** Keys without which there is no installation. */
export function missingFrom(answers: Answers): string[] {
  const { role, admin_ip, admin_netmask, disks } = answers;
  const isStatic = admin_ip !== undefined && admin_ip !== 'dhcp';
  return [
    ...(role === undefined ? ['role'] : []),
    ...(admin_ip === undefined ? ['admin_ip'] : []),
    ...(isStatic && admin_netmask === undefined && !admin_ip.includes('/') ? ['admin_netmask'] : []),
    ...(disks === undefined ? ['disks'] : []),
    ...(role === 'node' && answers.join === undefined ? ['join'] : []),
    // A node of a fleet can get them from its head.
    ...(role !== 'node' && !hasAccess(answers) ? ['root_password, root_password_hash or root_authorized_keys'] : []),
  ];
}

/** Whether anybody could log in to what these answers make. */
export function hasAccess({ root_password, root_password_hash, root_authorized_keys }: Answers): boolean {
  return root_password !== undefined || root_password_hash !== undefined || (root_authorized_keys?.length ?? 0) > 0;
}

/**
 * Decide an installation. A password must have been hashed before.
 * @throws AnswersInvalid, NetworkingInvalid, NoNetworkInterface, DiskUnusable, NoDiskFits
 */
export async function planInstallation(answers: Answers, machine: Machine): Promise<InstallPlan> {
  const missing = missingFrom(answers);
  if (missing.length > 0) throw nodeErrors.AnswersIncomplete({ source: 'hand', keys: missing.join(', ') });
  const role = answers.role ?? 'standalone';
  const networking = networkingOf(answers, machine.interfaces);
  const disks = await selectDisks(machine.disks, answers.disks ?? 'all');
  const layout = answers.layout === undefined || answers.layout === 'auto' ? layoutFor(disks.length) : answers.layout;
  if (disks.length < LEAST_DISKS[layout]) throw invalid(`layout = "${layout}": it takes ${LEAST_DISKS[layout]} disks, and these are ${disks.length}`);
  return {
    role,
    networking,
    pool: { disks, layout, bootable: answers.bootable ?? false },
    ...contentOf(disks, machine),
    access: { ...(answers.root_password_hash === undefined ? {} : { passwordHash: answers.root_password_hash }), authorizedKeys: answers.root_authorized_keys ?? [] },
    ...(role === 'head' ? { head: headPlan(answers) } : {}),
    ...(role === 'node' && answers.join ? { join: answers.join } : {}),
  };
}

/** What is on these disks: all of it is erased, and what is worth a question is lost. */
export function contentOf(disks: readonly Disk[], { unfinishedPools = [] }: Machine): Pick<InstallPlan, 'erased' | 'lost'> {
  const erased = disks.filter(({ content }) => content !== undefined);
  return { erased, lost: erased.filter(({ content }) => !unfinishedPools.some((pool) => content === `pool "${pool}"`)) };
}

/** The network that answers describe, as the one document that a node has for it. @throws NetworkingInvalid, NoNetworkInterface */
export function networkingOf(answers: Answers, interfaces: readonly Interface[]): Networking {
  const { mac } = interfaceFor(answers.admin_nic, interfaces);
  const others = Object.entries(answers.nic_tags ?? {}).map(([name, nic]) => ({ name, mac: interfaceFor(nic, interfaces).mac }));
  const address = addressOf(answers);
  return parseNetworking({
    hostname: answers.hostname ?? defaultHostname(mac),
    ...(answers.datacenter_name === undefined ? {} : { datacenter_name: answers.datacenter_name }),
    ...(answers.dns_domain === undefined ? {} : { dns_domain: answers.dns_domain }),
    resolvers: answers.dns_resolvers ?? [],
    ...(answers.ntp_hosts === undefined ? {} : { ntp_hosts: answers.ntp_hosts }),
    nictags: [{ name: 'admin', mac }, ...others],
    vnics: [{ mac, nic_tag: 'admin', primary: true, vlan_id: answers.admin_vlan_id ?? 0, ...address }],
  });
}

/** The interface that is meant: by MAC address or name, else the first that has something at its other end. @throws NoNetworkInterface */
export function interfaceFor(nic: string | undefined, interfaces: readonly Interface[]): Interface {
  const found = nic === undefined ? (interfaces.find(({ carrier }) => carrier === true) ?? interfaces[0]) : interfaces.find(({ name, mac }) => name === nic || mac === nic.toLowerCase());
  if (found) return found;
  throw nodeErrors.NoNetworkInterface({ wanted: nic ?? 'at all' }, { details: interfaces.map(({ name, mac }) => `there is ${name}, ${mac}`) });
}

/** As SmartOS names a machine that nobody named: by its MAC address. */
export function defaultHostname(mac: string): string {
  return mac.replaceAll(':', '-');
}

function addressOf({ admin_ip = 'dhcp', admin_netmask, admin_gateway }: Answers): { readonly ip: string; readonly netmask?: string; readonly gateway?: string } {
  const gateway = admin_gateway === undefined || admin_gateway === 'none' ? {} : { gateway: admin_gateway };
  if (admin_ip === 'dhcp') return { ip: 'dhcp', ...(admin_netmask === undefined ? {} : { netmask: admin_netmask }), ...gateway };
  const [ip = '', prefix] = admin_ip.split('/');
  const netmask = prefix === undefined ? admin_netmask : netmaskOf(Number(prefix));
  return { ip, ...(netmask === undefined ? {} : { netmask }), ...gateway };
}

function headPlan(answers: Answers): HeadPlan {
  if (answers.admin_ip === 'dhcp') throw invalid('admin_ip = "dhcp": a head node needs an address that stays');
  return { datacenter: answers.datacenter_name ?? 'datacenter', dhcpRange: answers.dhcp_range ? checkedRange(answers, answers.dhcp_range) : defaultRange(answers), setupNodes: answers.setup_nodes ?? 'by_operator' };
}

/** The upper half of the admin network, without its last address. @throws AnswersInvalid when there is no room for one */
export function defaultRange(answers: Answers): HeadPlan['dhcpRange'] {
  const network = adminNetwork(answers);
  const size = network.last - network.first + 1;
  if (size < 16) throw invalid('dhcp_range: the admin network is too small for machines that are not set up');
  const middle = network.first + size / 2;
  const start = network.address >= middle ? network.first + 1 : middle;
  const end = network.address >= middle ? middle - 1 : network.last - 1;
  return { start: text(start), end: text(end) };
}

function checkedRange(answers: Answers, range: HeadPlan['dhcpRange']): HeadPlan['dhcpRange'] {
  const network = adminNetwork(answers);
  const [start, end] = [networkOf(range.start, 32).address, networkOf(range.end, 32).address];
  if (start <= network.first || end >= network.last || start > end) throw invalid(`dhcp_range = ${range.start} to ${range.end}: it is not inside the admin network ${text(network.first)}/${network.prefix}`);
  if (network.address >= start && network.address <= end) throw invalid(`dhcp_range = ${range.start} to ${range.end}: the head's own address ${text(network.address)} is in it`);
  return range;
}

function adminNetwork(answers: Answers): Network {
  const { ip, netmask = '' } = addressOf(answers);
  const prefix = isIPv4(netmask) ? prefixOfNetmask(netmask) : undefined;
  if (prefix === undefined) throw hostErrors.NetworkingInvalid({ reason: `admin_netmask = ${JSON.stringify(netmask)} is not a netmask` });
  return networkOf(ip, prefix);
}

function invalid(reason: string) {
  return nodeErrors.AnswersInvalid({ source: 'the installation', reason });
}
