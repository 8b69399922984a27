/** Boot parameters (control-plane §2.4): one record `default`, and one for each server, which began as a copy of it. */
import { z } from 'zod';
import type { Database } from '../db/database.ts';
import { headErrors } from '../errors.ts';
import { isArgumentName, isArgumentValue } from './kernel-arguments.ts';

const flag = z.union([z.string(), z.number(), z.boolean()]).refine((value) => isArgumentValue(String(value)), { error: 'must have at most 256 letters, digits and "_.,:/@%+=-"' });
/** Anyone on the admin network may read what a machine boots with. */
const SECRETS = /shadow|passw|secret|token|rabbitmq/i;
const argumentName = z
  .string()
  .refine(isArgumentName, { error: 'must have at most 64 letters, digits and "_.-"' })
  .refine((name) => !SECRETS.test(name), { error: 'boot parameters go over the network in clear: no secret can be one' });
/** Names of the illumos kernel are kept for clients that set them. */
const flagName = z.string().refine((name) => /^-[a-z]$/.test(name) || isArgumentName(name), { error: 'must have at most 64 letters, digits and "_.-"' });
const moduleSchema = z.strictObject({
  path: z.string().regex(/^[A-Za-z0-9._/-]{1,256}$/, { error: 'must be a path of letters, digits and "._/-"' }).refine((path) => !path.split('/').includes('..'), { error: 'must not lead up' }),
  type: z.literal('base64').default('base64'),
  content: z.base64().max(5464, { error: 'must be 4 KiB at most' }),
});

/** What may be in a record. A key that a request gives as null is removed. */
export const bootParamsSchema = z.strictObject({
  platform: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, { error: 'must be a platform stamp' }).optional(),
  kernel_args: z.record(argumentName, flag.nullable()).optional(),
  kernel_flags: z.record(flagName, flag.nullable()).optional(),
  boot_modules: z.array(moduleSchema).max(32).optional(),
  default_console: z.enum(['serial', 'vga']).nullable().optional(),
  serial: z.string().regex(/^[A-Za-z0-9]{1,16}$/).nullable().optional(),
  smt_enabled: z.boolean().nullable().optional(),
});
export type BootParams = z.output<typeof bootParamsSchema>;

export const DEFAULT_NAME = 'default';

/** A record as it is stored. @throws ResourceNotFound for a server that has none */
export async function readBootParams(database: Database, name: string): Promise<BootParams> {
  const [row] = await database.query<{ params: BootParams }>('SELECT params FROM boot_params WHERE name = $1', [name]);
  if (!row && name !== DEFAULT_NAME) throw headErrors.ResourceNotFound({ what: `boot parameters of ${name}` });
  return { kernel_args: {}, kernel_flags: {}, boot_modules: [], ...row?.params };
}

/** What a server boots with: its record, over the default platform, and its host name as a kernel argument. */
export async function effectiveBootParams(database: Database, server: { readonly uuid: string; readonly hostname: string }): Promise<BootParams> {
  const [fallback, own] = await Promise.all([readBootParams(database, DEFAULT_NAME), readBootParams(database, server.uuid)]);
  const platform = own.platform ?? fallback.platform;
  return { ...own, ...(platform === undefined ? {} : { platform }), kernel_args: { ...own.kernel_args, hostname: server.hostname } };
}

/** Put another record in the place of one. */
export async function replaceBootParams(database: Database, name: string, params: BootParams): Promise<void> {
  await database.query('INSERT INTO boot_params (name, params) VALUES ($1, $2::jsonb) ON CONFLICT (name) DO UPDATE SET params = excluded.params', [name, JSON.stringify(withoutNulls(params))]);
}

/** Merge into a record: arguments and flags key by key, everything else as a whole. */
export async function mergeBootParams(database: Database, name: string, change: BootParams): Promise<void> {
  await database.transaction(async (queries) => {
    const [row] = await queries.query<{ params: BootParams }>('SELECT params FROM boot_params WHERE name = $1 FOR UPDATE', [name]);
    const params = row?.params ?? {};
    const merged = {
      ...params,
      ...change,
      kernel_args: { ...params.kernel_args, ...change.kernel_args },
      kernel_flags: { ...params.kernel_flags, ...change.kernel_flags },
    };
    await queries.query('INSERT INTO boot_params (name, params) VALUES ($1, $2::jsonb) ON CONFLICT (name) DO UPDATE SET params = excluded.params', [name, JSON.stringify(withoutNulls(merged))]);
  });
}

function withoutNulls(value: object): object {
  return Object.fromEntries(Object.entries(value).flatMap(([key, one]) => (one === null || one === undefined ? [] : [[key, typeof one === 'object' && !Array.isArray(one) ? withoutNulls(one as object) : (one as unknown)]])));
}
