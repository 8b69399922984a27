/** PAPI's package, and what is accepted of one. Sizes are MiB. */
import { z } from 'zod';
import { booleanParam, integerParam, uuidParam } from '../http/params.ts';

const text = z.string().max(1024).regex(/^[^\p{Cc}]*$/u, 'must not have control characters');
const MAX_MIB = 2 ** 32;

/** What instances get; fixed once the package is made, so that those of one package are alike. */
const sizes = {
  max_physical_memory: between(16, MAX_MIB),
  quota: between(1024, MAX_MIB).refine((mib) => mib % 1024 === 0, 'must be a multiple of 1024 (whole GiB)'),
  max_swap: between(256, MAX_MIB).optional(),
  cpu_cap: between(1, 100_000).optional(),
  max_lwps: between(250, 2 ** 31 - 1).optional(),
  zfs_io_priority: between(0, 16_383).optional(),
  vcpus: between(1, 1024).optional(),
  brand: z.enum(['joyent', 'joyent-minimal', 'lx', 'kvm', 'bhyve']).optional(),
  flexible_disk: booleanParam.optional(),
};

const settings = {
  active: booleanParam.optional(),
  default: booleanParam.optional(),
  group: text.optional(),
  description: text.optional(),
  common_name: text.optional(),
  billing_tag: text.optional(),
  owner_uuids: z.array(uuidParam).optional(),
  networks: z.array(uuidParam).optional(),
  traits: z.record(z.string(), z.unknown()).optional(),
};

export const newPackageSchema = z
  .strictObject({
    uuid: uuidParam.optional(),
    name: z.string().regex(/^[A-Za-z0-9][\w.-]{0,62}$/, 'must begin with a letter or digit and have at most 63 letters, digits and "_.-"'),
    version: z.string().regex(/^\d+\.\d+\.\d+$/, 'must be like 1.0.0').optional(),
    ...sizes,
    ...settings,
  })
  .refine(({ max_swap, max_physical_memory }) => max_swap === undefined || max_swap >= max_physical_memory, { path: ['max_swap'], message: 'must be at least max_physical_memory' });

export const packageChangesSchema = z.strictObject(settings);

/** Fields that an update may name only with the value they have. */
export const FIXED = ['uuid', 'name', 'version', ...Object.keys(sizes)];

function between(least: number, most: number) {
  return integerParam.pipe(z.int().min(least).max(most));
}
