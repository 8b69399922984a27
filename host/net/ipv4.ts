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
  const value = network.first + n;
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}
