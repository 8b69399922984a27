import { realpath } from 'node:fs/promises';
import { z } from 'zod';
import { hostErrors } from '../../host/errors/host-errors.ts';
import { isCandidate } from './propose.ts';
import type { Disk } from './list.ts';

const UNITS = { '': 1, K: 1, M: 2, G: 3, T: 4, P: 5 } as const;
const SIZE = /^\s*(>=|<=|>|<)?\s*(\d{1,6}(?:\.\d{1,3})?)\s*([KMGTP]?)(iB|B)?\s*$/i;
const text = z.string().min(1).max(128).regex(/^[\x20-\x7e]+$/, { error: 'must be printable text' });

/** Which disks, by what they are; all that is named must fit. */
export const diskSelectorSchema = z
  .strictObject({
    /** `>= 1T`, `< 500GB`; without a sign it is the size, within a fiftieth. G and GiB are 1024³ bytes, GB is 1000³. */
    size: z.string().regex(SIZE, { error: 'must be a size like "1T", ">= 500GB" or "<2TiB"' }).optional(),
    /** Text that is in the model's name, in either case. */
    model: text.optional(),
    serial: text.optional(),
    transport: z.enum(['sata', 'sas', 'nvme', 'virtio', 'usb', 'loop', 'mmc', 'spi', 'unknown']).optional(),
    rotational: z.boolean().optional(),
  })
  .refine((selector) => Object.keys(selector).length > 0, { error: 'must name a size, model, serial, transport or rotational' });

export const disksSchema = z.union(
  [z.literal('all'), z.array(z.union([z.string().regex(/^\/dev\/[A-Za-z0-9/_.:+-]+$/), diskSelectorSchema], { error: 'must be a path below /dev or an object with size, model, serial, transport or rotational' })).min(1).max(64), diskSelectorSchema],
  { error: 'must be "all", a list of paths below /dev, or what the disks are: size, model, serial, transport, rotational' },
);

export type DiskSelector = z.infer<typeof diskSelectorSchema>;
export type DisksAsked = z.infer<typeof disksSchema>;

/**
 * The disks that were asked for, in the order of their paths. A path is taken at its word; `all` and selectors pass over disks that
 * are in use or can be pulled out, unless the transport is named.
 * @throws DiskUnusable for a path that is no disk or cannot be taken, NoDiskFits
 */
export async function selectDisks(disks: readonly Disk[], asked: DisksAsked): Promise<Disk[]> {
  const parts = asked === 'all' || !Array.isArray(asked) ? [asked] : asked;
  const chosen = await Promise.all(parts.map(async (part) => (typeof part === 'string' && part !== 'all' ? [await diskAt(disks, part)] : fitting(disks, part))));
  return disks.filter((disk) => chosen.flat().includes(disk));
}

async function diskAt(disks: readonly Disk[], path: string): Promise<Disk> {
  const real = await realpath(path).catch(() => path);
  const disk = disks.find((one) => one.path === real);
  if (!disk) throw hostErrors.DiskUnusable({ disk: path, reason: 'this machine has no such disk' }, { details: disks.map((one) => `there is ${one.id}`) });
  if (disk.obstacle !== undefined) throw hostErrors.DiskUnusable({ disk: path, reason: disk.obstacle });
  return disk;
}

function fitting(disks: readonly Disk[], selector: 'all' | DiskSelector): Disk[] {
  const wanted = selector === 'all' ? {} : selector;
  const fits = (disk: Disk): boolean => (wanted.transport === undefined ? isCandidate(disk) : disk.obstacle === undefined) && matches(disk, wanted);
  const found = disks.filter(fits);
  if (found.length > 0) return found;
  const details = disks.map(({ path, size, model, obstacle }) => `${path}, ${sizeText(size)}${model === '' ? '' : `, ${model}`}${obstacle === undefined ? '' : `: ${obstacle}`}`);
  throw hostErrors.NoDiskFits({ wanted: selector === 'all' ? 'all disks' : JSON.stringify(selector) }, { details });
}

function matches(disk: Disk, { size, model, serial, transport, rotational }: DiskSelector): boolean {
  return (
    (size === undefined || matchesSize(disk.size, size)) &&
    (model === undefined || disk.model.toLowerCase().includes(model.toLowerCase())) &&
    (serial === undefined || disk.serial === serial) &&
    (transport === undefined || disk.transport === transport) &&
    (rotational === undefined || disk.rotational === rotational)
  );
}

function matchesSize(bytes: number, wanted: string): boolean {
  const [, sign = '', number = '', unit = '', suffix = ''] = SIZE.exec(wanted) ?? [];
  const base = suffix.toLowerCase() === 'b' ? 1000 : 1024;
  const limit = Number(number) * base ** UNITS[unit.toUpperCase() as keyof typeof UNITS];
  if (sign === '>=') return bytes >= limit;
  if (sign === '<=') return bytes <= limit;
  if (sign === '>') return bytes > limit;
  if (sign === '<') return bytes < limit;
  return Math.abs(bytes - limit) <= limit / 50;
}

/** A size for a person: `1.8 TiB`. */
export function sizeText(bytes: number): string {
  const power = Math.min(4, Math.max(0, Math.floor(Math.log2(Math.max(bytes, 1)) / 10)));
  const value = bytes / 1024 ** power;
  return `${value >= 100 || Number.isInteger(value) ? Math.round(value) : value.toFixed(1)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][power] ?? 'B'}`;
}
