import { isIPv4 } from 'node:net';
import { hostErrors } from '../errors/host-errors.ts';

/** An IPv4 address and the network it is in. Addresses are numbers so that networks can be compared. */
export interface Network {
  readonly address: number;
  readonly prefix: number;
  readonly first: number;
  readonly last: number;
}

/** Read `10.77.0.1/24`. @throws AddressInvalid */
export function parseNetwork(text: string): Network {
  const [ip = '', bits = '', ...more] = text.split('/');
  const prefix = Number(bits);
  if (!isIPv4(ip) || !/^\d{1,2}$/.test(bits) || prefix < 8 || prefix > 30 || more.length > 0) throw hostErrors.AddressInvalid({ address: JSON.stringify(text).slice(1, -1) });
  return networkOf(ip, prefix);
}

/** The network of an address that is known to be one. */
export function networkOf(ip: string, prefix: number): Network {
  const address = ip.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
  const size = 2 ** (32 - prefix);
  const first = address - (address % size);
  return { address, prefix, first, last: first + size - 1 };
}

/** Whether two networks have an address in common. */
export function overlap(one: Network, other: Network): boolean {
  return one.first <= other.last && other.first <= one.last;
}

/** The n-th address of a network, as text: 1 is the first that a host can have. */
export function addressIn(network: Network, n: number): string {
  return addressText(network.first + n);
}

/** An address as text. */
export function addressText(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

/** The length of a netmask such as 255.255.255.0; undefined when its bits are not in one piece. */
export function prefixOfNetmask(netmask: string): number | undefined {
  const { address } = networkOf(netmask, 32);
  const prefix = 32 - Math.log2(2 ** 32 - address);
  return Number.isInteger(prefix) ? prefix : undefined;
}

/** The netmask of a prefix length. */
export function netmaskOf(prefix: number): string {
  return addressText(2 ** 32 - 2 ** (32 - prefix));
}

/** A route's destination such as 10.0.0.0/8, without bits beyond its prefix; undefined for everything else. */
export function parseDestination(text: string): Network | undefined {
  const [ip = '', bits = '', ...more] = text.split('/');
  if (!isIPv4(ip) || !/^(?:[1-9]|[12]\d|3[0-2])$/.test(bits) || more.length > 0) return undefined;
  const network = networkOf(ip, Number(bits));
  return network.address === network.first ? network : undefined;
}
