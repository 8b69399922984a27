/** From an instance's record to the LXC configuration of its zone. */
import { join } from 'node:path';
import { hierarchyOf } from '../../host/cgroup/hierarchies.ts';
import { controlValues } from '../../host/cgroup/limits.ts';
import type { Node } from '../../host/config/node-config.ts';
import { hostErrors } from '../../host/errors/host-errors.ts';
import type { IdRange } from '../../host/idmap/ranges.ts';
import { encodeMountEntry, type LxcEntry, type MountEntry } from '../../host/lxc/config.ts';
import { hostInterfaceName } from '../../host/net/names.ts';
import { dhcpEntries } from './dhcp-client.ts';
import { limitsOf } from './limits.ts';
import type { NicRecord, VmRecord } from '../payload/index.ts';

/** What the node adds to a record to make a configuration of it. */
export interface ZoneHost {
  readonly node: Node;
  readonly ids: IdRange;
  /** The bridge of each nic tag that the record names. */
  readonly bridges: ReadonlyMap<string, string>;
  readonly seccompProfile: string;
  /** The nftables script that holds the zone's nics to their own addresses. */
  readonly antiSpoofingScript: string;
  /** What the host lends to every zone, on places that exist in its root. */
  readonly guestMounts: readonly MountEntry[];
  /** Bytes that this process may raise a zone's memory lock limit to; undefined is no bound. */
  readonly lockableBytes: number | undefined;
  readonly appArmor: boolean;
}

/** Capabilities that act on the whole host where no namespace divides it; the rest a user namespace confines. */
const DROPPED_CAPABILITIES = ['mac_admin', 'mac_override', 'sys_module', 'sys_rawio', 'sys_time', 'syslog'];

/** Character devices that a zone may use: null, zero, full, random, urandom, tty, console, ptmx and its ptys. */
const DEVICES = ['c 1:3 rwm', 'c 1:5 rwm', 'c 1:7 rwm', 'c 1:8 rwm', 'c 1:9 rwm', 'c 5:0 rwm', 'c 5:1 rwm', 'c 5:2 rwm', 'c 136:* rwm'];

/** The whole configuration of a zone, ready for the encoder. Reference §2.5 says how properties map. */
export function zoneConfig(record: VmRecord, host: ZoneHost): LxcEntry[] {
  return [
    ...identityEntries(record, host),
    ...isolationEntries(host),
    ...limitEntries(record, host),
    ...mountEntries(record, host),
    ...record.nics.flatMap((nic, index) => nicEntries(record, nic, index, host)),
    ...(record.nics.length > 0 ? filterEntries(host) : []),
    ...dhcpEntries(record, host.node.paths.lxc),
  ];
}

/** The mount point of an instance's dataset. */
export function zonePath(node: Node, record: Pick<VmRecord, 'uuid'>): string {
  return join(node.mountpoint, record.uuid);
}

function identityEntries(record: VmRecord, { node, ids }: ZoneHost): LxcEntry[] {
  const idmapped: LxcEntry[] = node.idmappedMounts ? [['lxc.rootfs.options', 'idmap=container']] : [];
  return [
    ['lxc.uts.name', record.hostname ?? record.uuid],
    ['lxc.rootfs.path', `dir:${join(zonePath(node, record), 'root')}`],
    ...idmapped,
    ['lxc.idmap', `u 0 ${ids.first} ${ids.count}`],
    ['lxc.idmap', `g 0 ${ids.first} ${ids.count}`],
    ['lxc.cgroup.dir', `${node.cgroup}/${record.uuid}`],
    ['lxc.console.buffer.size', '64kB'],
    ['lxc.tty.max', 0],
    ['lxc.pty.max', 1024],
    ['lxc.environment', 'container=lxc'],
    ...(record.init_name ? ([['lxc.init.cmd', record.init_name]] satisfies LxcEntry[]) : []),
  ];
}

function isolationEntries(host: ZoneHost): LxcEntry[] {
  return [
    ['lxc.autodev', 1],
    ['lxc.mount.auto', 'proc:mixed sys:mixed cgroup:mixed'],
    ['lxc.cap.drop', DROPPED_CAPABILITIES.join(' ')],
    ['lxc.seccomp.profile', host.seccompProfile],
    ['lxc.apparmor.profile', host.appArmor ? 'generated' : 'unconfined'],
    ...(host.appArmor ? ([['lxc.apparmor.allow_nesting', 0]] satisfies LxcEntry[]) : []),
    ...deviceEntries(),
  ];
}

/** In v2 there is no devices controller; LXC attaches a program to the group instead, and has other keys for it. */
function deviceEntries(): LxcEntry[] {
  const key = hierarchyOf('devices') ? 'lxc.cgroup.devices' : 'lxc.cgroup2.devices';
  return [[`${key}.deny`, 'a'], ...DEVICES.map((device): LxcEntry => [`${key}.allow`, device])];
}

function limitEntries(record: VmRecord, host: ZoneHost): LxcEntry[] {
  const lockable = Math.min(record.max_locked_memory * 1024 * 1024, host.lockableBytes ?? Infinity);
  return [
    ...controlValues(limitsOf(record)).map(({ version, file, value }): LxcEntry => [`lxc.${version === 2 ? 'cgroup2' : 'cgroup'}.${file}`, value]),
    ['lxc.prlimit.memlock', lockable],
  ];
}

function mountEntries(record: VmRecord, host: ZoneHost): LxcEntry[] {
  const mounts = [...host.guestMounts];
  if (record.tmpfs) mounts.push({ source: 'tmpfs', target: 'tmp', type: 'tmpfs', options: ['nosuid', 'nodev', 'mode=1777', `size=${record.tmpfs}m`, 'create=dir'] });
  return mounts.map((mount): LxcEntry => ['lxc.mount.entry', encodeMountEntry(mount)]);
}

function nicEntries(record: VmRecord, nic: NicRecord, index: number, host: ZoneHost): LxcEntry[] {
  const key = `lxc.net.${index}`;
  const entries: Array<LxcEntry | false | undefined> = [
    [`${key}.type`, 'veth'],
    [`${key}.name`, nic.interface],
    [`${key}.veth.pair`, hostInterfaceName(record.uuid, index)],
    [`${key}.link`, host.bridges.get(nic.nic_tag) ?? nic.nic_tag],
    [`${key}.hwaddr`, nic.mac],
    [`${key}.flags`, 'up'],
    nic.mtu !== undefined && [`${key}.mtu`, nic.mtu],
    Boolean(nic.vlan_id) && [`${key}.veth.vlan.id`, nic.vlan_id ?? 0],
    ...(nic.ips ?? []).filter(isStatic).map((ip): LxcEntry => [`${key}.${ip.includes(':') ? 'ipv6' : 'ipv4'}.address`, ip]),
    nic.primary === true && nic.gateways?.[0] !== undefined && [`${key}.ipv4.gateway`, nic.gateways[0]],
  ];
  return entries.filter((entry): entry is LxcEntry => Boolean(entry));
}

/**
 * LXC makes the interfaces anew at every boot of the zone, also when it reboots itself, and runs this hook between that
 * and the zone's first instruction. A hook that fails keeps the zone from starting.
 */
function filterEntries({ antiSpoofingScript }: ZoneHost): LxcEntry[] {
  // LXC hands hooks to a shell. Version 1 passes facts in the environment instead of arguments.
  if (!/^[A-Za-z0-9/_.-]+$/.test(antiSpoofingScript)) throw hostErrors.UnsafePath({ path: antiSpoofingScript, reason: 'a hook cannot take it' });
  return [
    ['lxc.hook.version', 1],
    ['lxc.hook.start-host', `/usr/sbin/nft -f ${antiSpoofingScript}`],
  ];
}

function isStatic(ip: string): boolean {
  return ip !== 'dhcp' && ip !== 'addrconf';
}
