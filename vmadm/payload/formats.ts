/** Formats of text: what a property accepts beyond its type, each with the words that explain it to a person. */
import { isIP } from 'node:net';
import { parseMac, parsePciSlot } from './addresses.ts';

export interface Format {
  readonly accepts: (text: string) => boolean;
  readonly accepted: string;
}

const SECTOR_SIZE = /^\d+(\/\d+)?$/;

export const FORMATS = {
  ip: { accepts: (text) => isIP(text) !== 0, accepted: 'an IP address' },
  mac: { accepts: (text) => parseMac(text) !== undefined, accepted: 'a MAC address of six hexadecimal octets' },
  clientId: { accepts: (text) => /^0x([0-9a-f]{2}){1,255}$/i.test(text), accepted: '0x and an even number of hexadecimal digits' },
  port: { accepts: (text) => /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65535, accepted: 'a port from 1 to 65535' },
  sectorSize: {
    accepts: (text) => SECTOR_SIZE.test(text) && text.split('/').every((part) => isPowerOfTwo(Number(part)) && Number(part) >= 512),
    accepted: 'a power of two from 512, or two of them as LOGICAL/PHYSICAL',
  },
  name: { accepts: (text) => /^[A-Za-z0-9._-]+$/.test(text), accepted: 'letters, digits and "._-"' },
  hostname: {
    accepts: (text) => text.length <= 64 && /^[A-Za-z0-9._-]+$/.test(text),
    accepted: 'at most 64 letters, digits and "._-"',
  },
  owner: { accepts: (text) => text.length <= 64 && /^[A-Za-z0-9._-]+$/.test(text), accepted: 'a uuid' },
  zonename: { accepts: (text) => /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text), accepted: 'at most 64 letters, digits and "._-"' },
  privilege: { accepts: (text) => /^[-+!]?[A-Za-z0-9_:]+$/.test(text), accepted: 'names of privileges, each with an optional + - or !' },
  interfaceName: { accepts: (text) => /^[A-Za-z][A-Za-z0-9_]{0,14}$/.test(text), accepted: 'a name of at most 15 letters, digits and "_"' },
  absolutePath: {
    accepts: (text) => text.startsWith('/') && !text.split('/').includes('..'),
    accepted: 'an absolute path without ".."',
  },
  pciSlot: { accepts: (text) => parsePciSlot(text) !== undefined, accepted: 'BUS:DEVICE:FUNCTION, DEVICE:FUNCTION or DEVICE' },
  pciPath: {
    accepts: (text) => /^\/devices\/[^\s]+$/.test(text) || /^[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/i.test(text),
    accepted: 'a path in /devices or an address like 0000:03:00.0',
  },
  bootrom: { accepts: (text) => text === 'bios' || text === 'uefi', accepted: 'bios or uefi' },
  // Judged by the rules of nics, which have a text of their own for it.
  primaryFlag: { accepts: () => true, accepted: 'true' },
} as const satisfies Readonly<Record<string, Format>>;

export type FormatName = keyof typeof FORMATS;

/** Whether text can go into a line of a configuration or onto a terminal: well-formed and without control characters. */
export function isPlainText(text: string): boolean {
  return text.isWellFormed() && !/\p{Cc}/u.test(text);
}

export function isPowerOfTwo(number: number): boolean {
  return Number.isSafeInteger(number) && number > 0 && (BigInt(number) & (BigInt(number) - 1n)) === 0n;
}
