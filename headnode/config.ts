/** What a person decides about a head node, in `config.json` of its data directory; every field may be left out. */
import { mkdir } from 'node:fs/promises';
import { isIP, isIPv4 } from 'node:net';
import { dirname } from 'node:path';
import { z } from 'zod';
import { setupParametersSchema } from '../agent/wire/index.ts';
import { readFileIfPresent, writeFileAtomically } from '../host/files/atomic.ts';
import { headErrors } from './errors.ts';

const port = z.number().int().min(0).max(65535);
const ip = z.string().refine((text) => isIP(text) !== 0, { error: 'must be an IP address' });
const ipv4 = z.string().refine(isIPv4, { error: 'must be an IPv4 address' });
const loopback = ip.refine((text) => text.startsWith('127.') || text === '::1', { error: 'must be a loopback address: whoever reaches this listener is an operator' });
const dnsName = z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/, { error: 'must be a host name' });

export const headConfigSchema = z.strictObject({
  /** CNAPI, VMAPI, NAPI, IMGAPI and PAPI for operators' programs, HTTP. */
  internal: z.strictObject({ address: loopback.default('127.0.0.1'), port: port.default(8080) }).prefault({}),
  /** The same for nodes, with mutual TLS. Without it no node can join. */
  admin: z.strictObject({ address: ip, port: port.default(8443), names: z.array(dnsName).default([]) }).optional(),
  /** Boot nodes from the network: DHCP, TFTP and HTTP on the interface that has `admin.address`, unless another one is named. `range` is for machines that are seen for the first time. */
  boot: z
    .strictObject({ range: z.strictObject({ start: ipv4, end: ipv4 }), port: z.number().int().min(1).max(65535).default(80), interface: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/, { error: 'must be the name of an interface' }).optional() })
    .optional(),
  /** Machines of the admin network that ask to become nodes: each by an operator's word, or all of them at once. */
  setup_nodes: z.enum(['by_operator', 'automatic']).default('by_operator'),
  /** How machines are set up, unless somebody says otherwise. */
  node_setup: setupParametersSchema.omit({ hostname: true }).prefault({}),
  /** CloudAPI: HTTP on loopback; elsewhere with a certificate. `url` is where clients find it, when that is another place. */
  cloudapi: z
    .strictObject({ address: ip.default('127.0.0.1'), port: port.default(8090), certificate: z.string().startsWith('/').optional(), key: z.string().startsWith('/').optional(), url: z.url({ protocol: /^https?$/ }).optional() })
    .refine(({ address, certificate, key }) => loopback.safeParse(address).success || (certificate !== undefined && key !== undefined), { error: 'needs certificate and key (paths of PEM files) on an address other than loopback' })
    .prefault({}),
  /** The data centre's name, as clients of CloudAPI are told it. */
  datacenter: z.string().regex(/^[A-Za-z0-9][\w.-]{0,62}$/, { error: 'must have at most 63 letters, digits and "_.-"' }).default('local'),
  /** Where the state is, unless DATABASE_URL says so. */
  database: z.enum(['pglite', 'postgres']).default('pglite'),
  log_level: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
});
export type HeadConfig = z.output<typeof headConfigSchema>;

/** Read the configuration; without a file everything is as the defaults say. @throws HeadConfigInvalid */
export async function readHeadConfig(path: string): Promise<HeadConfig> {
  const text = (await readFileIfPresent(path)) ?? '{}';
  return checked(path, parse(path, text));
}

/** Change fields of the configuration, durably. @throws HeadConfigInvalid */
export async function changeHeadConfig(path: string, change: z.input<typeof headConfigSchema>): Promise<HeadConfig> {
  const before = parse(path, (await readFileIfPresent(path)) ?? '{}');
  const after = { ...(before as object), ...change };
  const config = checked(path, after);
  await mkdir(dirname(path), { recursive: true });
  await writeFileAtomically(path, `${JSON.stringify(after, null, 2)}\n`, { durable: true, mode: 0o600 });
  return config;
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw headErrors.HeadConfigInvalid({ path, reason: error instanceof Error ? error.message : 'it is not JSON' }, { cause: error });
  }
}

function checked(path: string, value: unknown): HeadConfig {
  const { data, error } = headConfigSchema.safeParse(value);
  if (!data) throw headErrors.HeadConfigInvalid({ path, reason: error.issues.map((issue) => `${issue.path.join('.') || 'it'} ${issue.message}`).join('; ') });
  return data;
}
