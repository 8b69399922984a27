/** What the machine says of itself in its SMBIOS tables; nothing where it has none. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { isUuid } from '../../host/config/units.ts';
import { isSystemError } from '../../host/errors/errors.ts';
import { readFileIfPresent } from '../../host/files/atomic.ts';

export interface SmbiosFacts {
  readonly Manufacturer?: string;
  readonly Product?: string;
  readonly 'Serial Number'?: string;
  readonly 'SKU Number'?: string;
  readonly 'HW Version'?: string;
  readonly 'HW Family'?: string;
}

const FILES = {
  Manufacturer: 'sys_vendor',
  Product: 'product_name',
  'Serial Number': 'product_serial',
  'SKU Number': 'product_sku',
  'HW Version': 'product_version',
  'HW Family': 'product_family',
} as const;

export async function smbiosFacts(sys = '/sys'): Promise<SmbiosFacts> {
  const entries = await Promise.all(
    Object.entries(FILES).map(async ([name, file]) => [name, (await readFileIfPresent(join(sys, 'class/dmi/id', file)))?.trim()] as const),
  );
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined && value !== ''));
}

/** The machine's uuid as SmartOS shows it; undefined where there is none, or one that makers leave in as a blank. */
export async function smbiosUuid(sys = '/sys'): Promise<string | undefined> {
  const text = (await readFileIfPresent(join(sys, 'class/dmi/id/product_uuid')))?.trim().toLowerCase();
  if (!isUuid(text) || BLANKS.has(text)) return undefined;
  return (await kernelSwaps(sys)) ? swapped(text) : text;
}

const BLANKS = new Set(['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '03000200-0400-0500-0006-000700080009']);

/**
 * The first three fields are little-endian in the tables. Linux shows them as numbers, SmartOS byte by byte: the same machine has
 * the same name under both only when they are turned round again.
 */
export function swapped(uuid: string): string {
  const [first = '', second = '', third = '', ...rest] = uuid.split('-');
  return [first, second, third].map((field) => (field.match(/../g) ?? []).reverse().join('')).concat(rest).join('-');
}

/** Linux does so from SMBIOS 2.6 on. */
async function kernelSwaps(sys: string): Promise<boolean> {
  const entry = await bytesOf(join(sys, 'firmware/dmi/tables/smbios_entry_point'));
  if (!entry) return true;
  const at = entry.toString('latin1', 0, 5) === '_SM3_' ? 7 : 6;
  const [major = 3, minor = 0] = entry.subarray(at, at + 2);
  return major > 2 || (major === 2 && minor >= 6);
}

async function bytesOf(path: string): Promise<Buffer | undefined> {
  try {
    await using file = await open(path, 'r');
    return await file.readFile();
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'EACCES')) return undefined;
    throw error;
  }
}
