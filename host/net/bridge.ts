import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { isSystemError } from '../errors/errors.ts';
import { hostErrors } from '../errors/host-errors.ts';
import { run } from '../run/run.ts';

/** What a bridge should be. */
export interface BridgeOptions {
  /** The host's own address on it, `10.77.0.1/24`. */
  readonly address?: string;
  /** The host's interface that connects it to the outside. */
  readonly uplink?: string;
  /** What the host's own frames on it come from; a random one unless given when it is made. */
  readonly mac?: string;
  readonly mtu?: number;
}

/** An address that an interface of the host has. */
export interface HostAddress {
  readonly interface: string;
  readonly address: string;
  readonly prefix: number;
}

/** Make a bridge what it should be: created, addressed, connected and up. Safe to repeat; it never takes anything away. */
export async function ensureBridge(name: string, options: BridgeOptions = {}): Promise<void> {
  if (!existsSync(`/sys/class/net/${name}`)) await createBridge(name);
  else if (!isBridge(name)) throw hostErrors.NotABridge({ interface: name });
  if (options.address !== undefined) await ensureAddress(name, options.address);
  if (options.uplink !== undefined) await connectUplink(name, options.uplink);
  if (options.mac !== undefined) await run(['ip', 'link', 'set', 'dev', name, 'address', options.mac]);
  // No bridge has a larger one than its smallest port.
  if (options.mtu !== undefined) for (const link of [options.uplink, name]) if (link !== undefined) await run(['ip', 'link', 'set', 'dev', link, 'mtu', String(options.mtu)]);
  await run(['ip', 'link', 'set', 'dev', name, 'up']);
}

/** Remove a bridge; it is no error when there is none. @throws BridgeInUse while something is connected to it */
export async function removeBridge(name: string, uplink?: string): Promise<void> {
  if (!isBridge(name)) return;
  const ports = (await readdir(`/sys/class/net/${name}/brif`)).filter((port) => port !== uplink);
  if (ports.length > 0) throw hostErrors.BridgeInUse({ bridge: name, ports: ports.join(', ') });
  await run(['ip', 'link', 'delete', 'dev', name, 'type', 'bridge'], { acceptExitCodes: [0, 1] });
}

/** Whether there is a bridge of this name. */
export function isBridge(name: string): boolean {
  return existsSync(`/sys/class/net/${name}/bridge`);
}

/** Whether this network namespace has an interface of this name, which must be one that an interface can have. */
export function hasInterface(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/.test(name) && existsSync(`/sys/class/net/${name}`);
}

/** The host would lose the addresses of an interface that becomes a port of a bridge. @throws UplinkHasAddress */
export async function requireNoAddress(uplink: string): Promise<void> {
  const own = (await hostAddresses()).find((one) => one.interface === uplink && !one.address.startsWith('fe80:'));
  if (own) throw hostErrors.UplinkHasAddress({ interface: uplink, address: own.address });
}

/** Whether a bridge keeps VLANs apart, so that a port can be in one of them. */
export function filtersVlans(name: string): boolean {
  try {
    return readFileSync(`/sys/class/net/${name}/bridge/vlan_filtering`, 'utf8').trim() === '1';
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return false;
    throw error;
  }
}

/** Put a port of a bridge that filters VLANs into one of them: what it sends untagged is in that VLAN, and it hears no other. */
export async function joinVlan(port: string, vlan: number): Promise<void> {
  await run(['bridge', 'vlan', 'delete', 'dev', port, 'vid', '1'], { acceptExitCodes: [0, 255] });
  await run(['bridge', 'vlan', 'add', 'dev', port, 'vid', String(vlan), 'pvid', 'untagged']);
}

/**
 * The bridge of a nic tag: readable for short tags, a digest for those that the kernel's 15 characters cannot hold. A tag
 * has no dash and an instance's interface has none either, so that a digest never meets another name.
 */
export function bridgeNameOf(tag: string): string {
  const looksLikeNic = /^[0-9a-f]{9}n\d+$/.test(tag);
  return tag.length <= 13 && !looksLikeNic ? `zw${tag}` : `zw-${createHash('sha256').update(tag).digest('hex').slice(0, 12)}`;
}

/** Every IPv4 and IPv6 address of the host in this network namespace. */
export async function hostAddresses(): Promise<HostAddress[]> {
  const { stdout } = await run(['ip', '-j', 'address', 'show']);
  const links = JSON.parse(stdout || '[]') as Array<{ ifname: string; addr_info?: Array<{ local?: string; prefixlen: number }> }>;
  return links.flatMap(({ ifname, addr_info = [] }) =>
    addr_info.flatMap(({ local, prefixlen }) => (local === undefined ? [] : [{ interface: ifname, address: local, prefix: prefixlen }])),
  );
}

async function createBridge(name: string): Promise<void> {
  // Without an address of its own a bridge takes its ports' lowest and changes it as zones come and go.
  const mac = ['02', ...randomBytes(5).toString('hex').match(/../g) ?? []].join(':');
  const { exitCode, stderr } = await run(['ip', 'link', 'add', 'name', name, 'address', mac, 'type', 'bridge'], { acceptExitCodes: [0, 2] });
  if (exitCode !== 0 && !isBridge(name)) throw hostErrors.CommandFailed({ program: 'ip link add', outcome: 'exit code 2', reason: stderr.trim() });
  // Where the kernel cannot keep VLANs apart, a nic in one is refused (filtersVlans).
  await run(['ip', 'link', 'set', 'dev', name, 'type', 'bridge', 'vlan_filtering', '1'], { acceptExitCodes: [0, 1, 2] });
}

async function ensureAddress(bridge: string, address: string): Promise<void> {
  const present = (await hostAddresses()).some((one) => one.interface === bridge && `${one.address}/${one.prefix}` === address);
  if (!present) await run(['ip', 'address', 'add', address, 'dev', bridge]);
}

async function connectUplink(bridge: string, uplink: string): Promise<void> {
  if (existsSync(`/sys/class/net/${bridge}/brif/${uplink}`)) return;
  await requireNoAddress(uplink);
  await run(['ip', 'link', 'set', 'dev', uplink, 'master', bridge, 'up']);
  // To the outside all of them lead; each port inside is in one.
  if (filtersVlans(bridge)) await run(['bridge', 'vlan', 'add', 'dev', uplink, 'vid', '2-4094']);
}
