/**
 * What an instance's nic may send. The rules sit at the ingress of its host-side interface, before the bridge and before
 * any accept rule of anybody: a frame that is not the nic's own never gets further. SmartOS's `allow_*` switches open
 * each of them (reference §2.5, nic filters).
 */
import { BlockList, isIP } from 'node:net';
import { hostErrors } from '../errors/host-errors.ts';
import { run } from '../run/run.ts';

/** One nic's identity and what it is allowed beyond it. */
export interface FilteredNic {
  /** Its host-side interface. */
  readonly interface: string;
  readonly mac: string;
  /** Its own addresses and those it may use besides, with or without a prefix length. */
  readonly addresses: readonly string[];
  /** Addresses come from DHCP or router advertisements, so which they are is not known here. */
  readonly dynamic: { readonly ipv4: boolean; readonly ipv6: boolean };
  readonly allow: { readonly mac: boolean; readonly ip: boolean; readonly dhcp: boolean; readonly restricted: boolean };
}

/** The table that holds one chain per nic. */
export const ANTI_SPOOFING_TABLE = 'zonewright_nics';

/** An nftables script that (re)places the chains of these nics; their interfaces must exist when it is loaded. */
export function antiSpoofingScript(nics: readonly FilteredNic[]): string {
  const lines = nics.flatMap((nic) => {
    const chain = `netdev ${ANTI_SPOOFING_TABLE} ${interfaceName(nic.interface)}`;
    return [
      `add chain ${chain} { type filter hook ingress device "${interfaceName(nic.interface)}" priority -500; policy accept; }`,
      `flush chain ${chain}`,
      ...rulesOf(nic).map((rule) => `add rule ${chain} ${rule}`),
    ];
  });
  return [`add table netdev ${ANTI_SPOOFING_TABLE}`, ...lines, ''].join('\n');
}

function rulesOf(nic: FilteredNic): string[] {
  return [...macRules(nic), ...typeRules(nic), ...dhcpRules(nic), ...ipv4Rules(nic), ...ipv6Rules(nic)];
}

function macRules({ mac, allow }: FilteredNic): string[] {
  const own = macAddress(mac);
  return allow.mac ? [] : [`ether saddr != ${own} drop`, `ether type arp arp saddr ether != ${own} drop`];
}

function typeRules({ allow }: FilteredNic): string[] {
  return allow.restricted ? [] : ['ether type != { ip, ip6, arp } drop'];
}

/** Nobody but a DHCP server answers as one, and only routers announce routes. */
function dhcpRules({ allow }: FilteredNic): string[] {
  if (allow.dhcp) return [];
  return ['ether type ip udp sport 67 drop', 'ether type ip6 udp sport 547 drop', 'ether type ip6 icmpv6 type nd-router-advert drop'];
}

function ipv4Rules(nic: FilteredNic): string[] {
  if (nic.allow.ip || nic.dynamic.ipv4) return [];
  const own = addressesOf(nic, 4);
  // A client that has no address yet asks from 0.0.0.0, and probes for duplicates from there.
  return [`ether type ip ip saddr != { ${['0.0.0.0', ...own].join(', ')} } drop`, `ether type arp arp saddr ip != { ${['0.0.0.0', ...own].join(', ')} } drop`];
}

function ipv6Rules(nic: FilteredNic): string[] {
  if (nic.allow.ip || nic.dynamic.ipv6) return [];
  const own = addressesOf(nic, 6);
  return [`ether type ip6 ip6 saddr != { ${['::', linkLocal(nic.mac), ...own].join(', ')} } drop`];
}

function addressesOf({ addresses }: FilteredNic, family: 4 | 6): string[] {
  return withoutCovered(addresses.map(address).filter((text) => isIP(text.split('/')[0] ?? '') === family), family);
}

/** nftables refuses a set with an address that a prefix in it covers already. */
function withoutCovered(addresses: readonly string[], family: 4 | 6): string[] {
  const prefixLength = (text: string): number => Number(text.split('/')[1] ?? (family === 4 ? 32 : 128));
  const type = family === 4 ? 'ipv4' : 'ipv6';
  const covered = new BlockList();
  const kept: string[] = [];
  for (const text of [...new Set(addresses)].sort((one, other) => prefixLength(one) - prefixLength(other))) {
    const [ip = ''] = text.split('/');
    if (covered.check(ip, type)) continue;
    covered.addSubnet(ip, prefixLength(text), type);
    kept.push(text);
  }
  return kept;
}

function address(text: string): string {
  const [ip = '', prefix] = text.split('/');
  const family = isIP(ip);
  const longest = family === 4 ? 32 : 128;
  const length = prefix === undefined ? longest : Number(prefix);
  if (family === 0 || ip.includes('%') || !Number.isInteger(length) || length < 0 || length > longest) {
    throw hostErrors.UnsafeConfigValue({ key: 'address', value: JSON.stringify(text), reason: 'it is not an IP address' });
  }
  return length === longest ? ip : `${ip}/${length}`;
}

/** The address that a MAC gives by EUI-64. */
function linkLocal(mac: string): string {
  const bytes = macAddress(mac).split(':').map((byte) => Number.parseInt(byte, 16));
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = bytes;
  const words = [((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f];
  return `fe80::${words.map((word) => word.toString(16)).join(':')}`;
}

function macAddress(mac: string): string {
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac)) throw hostErrors.UnsafeConfigValue({ key: 'mac', value: JSON.stringify(mac), reason: 'it is not a MAC address' });
  return mac;
}

function interfaceName(name: string): string {
  if (!/^[A-Za-z0-9]{1,15}$/.test(name)) throw hostErrors.UnsafeConfigValue({ key: 'interface', value: JSON.stringify(name), reason: 'it is not an interface of ours' });
  return name;
}

/** Take away the chains of interfaces that are gone; it is no error when the kernel did so already. */
export async function removeAntiSpoofing(interfaces: readonly string[]): Promise<void> {
  for (const name of interfaces.map(interfaceName)) {
    const chain = `chain netdev ${ANTI_SPOOFING_TABLE} ${name}`;
    const { exitCode, stderr } = await run(['nft', '-f', '-'], { input: `flush ${chain}\ndelete ${chain}\n`, acceptExitCodes: [0, 1] });
    if (exitCode !== 0 && !/No such file or directory/.test(stderr)) {
      throw hostErrors.CommandFailed({ program: 'nft', outcome: 'exit code 1', reason: stderr.trim() });
    }
  }
}
