/** Addresses as they are written: IP, CIDR, netmask, MAC, PCI slot. Parsers return undefined for anything else. */
import { isIP, isIPv4 } from 'node:net';

export interface Cidr {
  readonly address: string;
  readonly prefix: number;
  readonly family: 4 | 6;
}

/** `10.0.0.5/24`, `fd00::5/64`; IPv4 prefixes go from 8 to 32 (reference §2.4). */
export function parseCidr(text: string): Cidr | undefined {
  const [, address = '', digits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const family = isIP(address);
  const prefix = Number(digits);
  if (family === 4 && prefix >= 8 && prefix <= 32) return { address, prefix, family };
  // A zone index names an interface of the host it is written on.
  if (family === 6 && prefix <= 128 && !address.includes('%')) return { address, prefix, family };
  return undefined;
}

/** The netmask of a prefix: 24 → 255.255.255.0. */
export function netmaskOf(prefix: number): string {
  return [0, 8, 16, 24].map((shift) => 256 - 2 ** (8 - Math.min(8, Math.max(0, prefix - shift)))).join('.');
}

/** The prefix of a netmask, undefined when its bits are not contiguous or outside 8 to 32. */
export function prefixOf(netmask: string): number | undefined {
  if (!isIPv4(netmask)) return undefined;
  const bits = netmask.split('.').map((octet) => Number(octet).toString(2).padStart(8, '0')).join('');
  const prefix = bits.indexOf('0') === -1 ? 32 : bits.indexOf('0');
  return prefix >= 8 && !bits.slice(prefix).includes('1') ? prefix : undefined;
}

/** A MAC address in its one spelling: lower case, two digits an octet. */
export function parseMac(text: string): string | undefined {
  if (!/^([0-9a-f]{1,2}:){5}[0-9a-f]{1,2}$/i.test(text)) return undefined;
  return text
    .toLowerCase()
    .split(':')
    .map((octet) => octet.padStart(2, '0'))
    .join(':');
}

/** One spelling for an address, so that two that mean the same are seen to be equal. */
export function canonicalIp(address: string): string {
  // A URL has no zone index.
  if (isIP(address) !== 6 || address.includes('%')) return address;
  return new URL(`http://[${address}]/`).hostname.slice(1, -1);
}

/** RFC 1918. */
export function isPrivateIpv4(address: string): boolean {
  return /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/.test(address);
}

export interface PciSlot {
  readonly bus: number;
  readonly device: number;
  readonly fn: number;
}

/** `bus:device:function`, `device:function` or `device`. */
export function parsePciSlot(text: string): PciSlot | undefined {
  if (!/^\d{1,3}(:\d{1,3}){0,2}$/.test(text)) return undefined;
  const parts = text.split(':').map(Number);
  const [bus, device, fn] = parts.length === 3 ? parts : parts.length === 2 ? [0, ...parts] : [0, ...parts, 0];
  if (bus === undefined || device === undefined || fn === undefined) return undefined;
  return bus <= 255 && device <= 31 && fn <= 7 ? { bus, device, fn } : undefined;
}
