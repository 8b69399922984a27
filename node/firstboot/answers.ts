/**
 * `answers.json`: what the wizard would ask, said beforehand. Keys are SmartOS's where it has one for the same thing; others that its
 * installers know are taken too (smartos-names.ts). Every key may be missing: what then happens is the installation's to decide.
 */
import { isIPv4 } from 'node:net';
import { z } from 'zod';
import { disksSchema } from '../disks/select.ts';
import { LAYOUTS } from '../disks/propose.ts';
import { nodeErrors } from '../errors.ts';
import { withOurNames } from './smartos-names.ts';

const macAddress = /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/i;
const interfaceName = /^[A-Za-z][A-Za-z0-9_.-]{0,14}$/;
const nic = z.string().refine((text) => macAddress.test(text) || interfaceName.test(text), { error: 'must be the MAC address or the name of an interface' });
const ipv4 = z.string().refine(isIPv4, { error: 'must be an IPv4 address' });
const dnsName = z.string().max(253).regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i, { error: 'must be a DNS name' });
const hostname = z.string().max(63, { error: 'must have at most 63 characters' }).regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i, { error: 'must have letters, digits and "-"' });
const hash = z.string().max(512).regex(/^\$(6|5|y|2[aby]|7|gy)\$[A-Za-z0-9./$,=]+$/, { error: 'must be a crypt(3) hash of sha256, sha512, bcrypt or yescrypt' });
const authorizedKey = z
  .string()
  .max(16_384)
  .regex(/^(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) [A-Za-z0-9+/]{32,}={0,3}( [\x20-\x7e]*)?$/, { error: 'must be one line of an OpenSSH public key, without options' });

export const SHORTEST_PASSWORD = 8;
const password = z
  .string()
  .min(SHORTEST_PASSWORD, { error: `must have at least ${SHORTEST_PASSWORD} characters` })
  .max(256)
  .regex(/^[^\p{Cc}]+$/u, { error: 'must not have control characters' });

const joinSchema = z.union(
  [
    z.strictObject({ token: z.string().min(16).max(1024).regex(/^[\x21-\x7e]+$/) }),
    z.strictObject({ head: z.url({ protocol: /^https$/, hostname: /^[A-Za-z0-9.-]+$/, error: 'must be an address like https://10.88.0.2:8443' }), ca_sha256: z.string().toLowerCase().regex(/^[0-9a-f]{64}$/) }),
  ],
  { error: 'must be { "token": … }, or { "head": "https://…", "ca_sha256": the fingerprint in 64 hexadecimal digits }' },
);

export const answersSchema = z.strictObject({
  role: z.enum(['standalone', 'head', 'node'], { error: 'must be "standalone", "head" or "node"' }).optional(),
  hostname: hostname.optional(),
  admin_nic: nic.optional(),
  /** An address, with or without its prefix, or `dhcp`. */
  admin_ip: z
    .string()
    .refine((text) => text === 'dhcp' || isIPv4(text.replace(/\/(\d|[12]\d|3[0-2])$/, '')), { error: 'must be "dhcp" or an IPv4 address like 10.88.0.7 or 10.88.0.7/24' })
    .optional(),
  admin_netmask: ipv4.optional(),
  admin_gateway: z.union([ipv4, z.literal('none')], { error: 'must be an IPv4 address or "none"' }).optional(),
  admin_vlan_id: z.int({ error: 'must be a VLAN id from 0 to 4094' }).min(0).max(4094, { error: 'must be a VLAN id from 0 to 4094' }).optional(),
  /** Further nic tags and the interfaces that they are on: `{ "external": "52:54:…" }`. */
  nic_tags: z.record(z.string().regex(/^[A-Za-z0-9_]{1,31}$/, { error: 'must be a nic tag of letters, digits and "_"' }), nic).optional(),
  dns_resolvers: z.array(ipv4).max(8).optional(),
  dns_domain: dnsName.optional(),
  ntp_hosts: z.array(z.union([ipv4, dnsName], { error: 'must be an IPv4 address or a DNS name' })).max(8).optional(),
  disks: disksSchema.optional(),
  layout: z.enum(['auto', ...LAYOUTS], { error: `must be one of auto, ${LAYOUTS.join(', ')}` }).optional(),
  /** Whether the machine shall boot from these disks. */
  bootable: z.boolean({ error: 'must be true or false' }).optional(),
  root_password: password.optional(),
  root_password_hash: hash.optional(),
  root_authorized_keys: z.array(authorizedKey).max(64).optional(),
  datacenter_name: z.string().regex(/^[A-Za-z0-9][\w.-]{0,62}$/, { error: 'must have at most 63 letters, digits and "_.-"' }).optional(),
  /** Addresses that a head node gives to machines that are not set up. */
  dhcp_range: z.strictObject({ start: ipv4, end: ipv4 }, { error: 'must be { "start": address, "end": address }' }).optional(),
  setup_nodes: z.enum(['automatic', 'by_operator'], { error: 'must be "automatic" or "by_operator"' }).optional(),
  join: joinSchema.optional(),
  /** Ask nothing, and erase what is on the disks. */
  confirm: z.boolean({ error: 'must be true or false' }).optional(),
});

export type Answers = z.infer<typeof answersSchema>;

/** Values that are not repeated in an error, nor taken from where others could read them on their way. */
export const SECRET_KEYS = ['root_password', 'root_password_hash', 'join'] as const;

/** Check answers. @throws AnswersInvalid, which names each wrong key with its value */
export function parseAnswers(text: string, source: string): Answers {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // What the parser says repeats the text around the mistake, which may be a secret.
    const at = error instanceof SyntaxError ? /position (\d+)/.exec(error.message)?.[1] : undefined;
    throw nodeErrors.AnswersInvalid({ source, reason: `it is not JSON${at === undefined ? '' : ` (line ${text.slice(0, Number(at)).split('\n').length})`}` });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw nodeErrors.AnswersInvalid({ source, reason: 'it is not a JSON object' });
  const renamed = withOurNames(value as Record<string, unknown>);
  const { data, error } = answersSchema.safeParse(renamed);
  if (!data) throw nodeErrors.AnswersInvalid({ source, reason: error.issues.map((issue) => describe(issue, renamed)).join('; ') });
  return data;
}

function describe(issue: z.core.$ZodIssue, answers: Readonly<Record<string, unknown>>): string {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => `${printable([...issue.path.map(String), key].join('.'))} is not a known key`).join('; ');
  const [key = ''] = issue.path.map(String);
  const value = issue.path.reduce<unknown>((inner, part) => (typeof inner === 'object' && inner !== null ? (inner as Record<PropertyKey, unknown>)[part] : undefined), answers);
  const isSecret = (SECRET_KEYS as readonly string[]).includes(key);
  return `${printable(issue.path.join('.'))}${isSecret ? '' : ` = ${printable(JSON.stringify(value) ?? 'nothing')}`}: ${issue.message}`;
}

/** What is repeated on a console must not be more than text. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 120);
}
