/** IP addresses and subnets. Addresses are numbers, so that ranges can be compared and counted through. */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

export interface Address {
  readonly family: 4 | 6;
  readonly value: bigint;
}

export interface Subnet {
  readonly family: 4 | 6;
  readonly prefix: number;
  readonly first: bigint;
  readonly last: bigint;
}

/** Read `10.0.0.5` or `fd00::5`; undefined for anything else, other spellings of IPv4 and zone indexes included. */
export function parseAddress(text: string): Address | undefined {
  const family = isIP(text);
  if (family === 0 || text.includes('%')) return undefined;
  const bytes = ipaddr.parse(text).toByteArray();
  return { family: family === 4 ? 4 : 6, value: bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n) };
}

/** The one spelling of an address (RFC 5952 for IPv6). */
export function formatAddress({ family, value }: Address): string {
  const bytes = Array.from({ length: bitsOf(family) / 8 }, (_, index) => Number((value >> BigInt(bitsOf(family) - 8 * (index + 1))) & 255n));
  const address = ipaddr.fromByteArray(bytes);
  return address.kind() === 'ipv6' ? (address as ipaddr.IPv6).toRFC5952String() : address.toString();
}

/** An address in its one spelling, when it is one. */
export function canonicalAddress(text: string): string | undefined {
  const address = parseAddress(text);
  return address && formatAddress(address);
}

/** Read `10.0.0.0/24` or `fd00::/64`; undefined for anything else. IPv4 prefixes go from 8 to 32. Bits of the host may be set: see `subnetText`. */
export function parseSubnet(text: string): Subnet | undefined {
  const slash = text.lastIndexOf('/');
  const digits = text.slice(slash + 1);
  const address = parseAddress(text.slice(0, Math.max(0, slash)));
  if (!address || !/^(0|[1-9]\d{0,2})$/.test(digits)) return undefined;
  const prefix = Number(digits);
  if (prefix < 8 || prefix > bitsOf(address.family)) return undefined;
  const size = 1n << BigInt(bitsOf(address.family) - prefix);
  const first = address.value - (address.value % size);
  return { family: address.family, prefix, first, last: first + size - 1n };
}

/** The one spelling of a subnet, without bits of a host. */
export function subnetText({ family, prefix, first }: Subnet): string {
  return `${formatAddress({ family, value: first })}/${prefix}`;
}

export function isInSubnet({ family, value }: Address, subnet: Subnet): boolean {
  return family === subnet.family && value >= subnet.first && value <= subnet.last;
}

/** The netmask of an IPv4 subnet; an IPv6 one has its prefix, `/64`. */
export function netmaskText({ family, prefix }: Pick<Subnet, 'family' | 'prefix'>): string {
  return family === 4 ? ipaddr.IPv4.subnetMaskFromPrefixLength(prefix).toString() : `/${prefix}`;
}

function bitsOf(family: 4 | 6): number {
  return family === 4 ? 32 : 128;
}
