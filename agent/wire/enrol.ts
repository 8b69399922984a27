/**
 * How a machine that nobody knows becomes a node without a token. It makes a key and asks the head node, again and again, by
 * `POST /join-requests`, over TLS whose CA it was told at boot. Somebody at the head node approves of it, by the fingerprint of its
 * key; with the next answer it gets its certificate, and how it is to be set up.
 */
import { z } from 'zod';
import { certificatePemSchema, fingerprintSchema, requestPemSchema } from './join.ts';
import { uuidSchema } from './uuid.ts';

/** `head.json` of a boot: where the head nodes are, and whose certificates they have. Nothing in it is secret. */
export const headFileSchema = z.strictObject({
  heads: z.array(z.url({ protocol: /^https$/ })).min(1).max(16),
  /** Fingerprint of the CA certificate, as in join tokens. */
  ca_sha256: fingerprintSchema,
});
export type HeadFile = z.infer<typeof headFileSchema>;

/** `POST /join-requests`. 429 is for who asks too often, 503 for one machine too many. */
export const enrolRequestSchema = z.strictObject({
  csr: requestPemSchema,
  /** 32 random bytes of the machine's in base64url; who repeats a request without them gets nothing. */
  secret: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  sysinfo: z.unknown(),
});
export type EnrolRequest = z.input<typeof enrolRequestSchema>;

export const POOL_LAYOUTS = ['auto', 'single', 'mirror', 'raidz1', 'raidz2'] as const;

/** What `crypt` makes of a password, as /etc/shadow has it. */
export const passwordHashSchema = z.string().max(256).regex(/^\$(?:y|gy|7|2[aby]|5|6)\$[A-Za-z0-9./$=,]{8,250}$/, { error: "must be a password's hash as crypt makes it" });

/** A line of `authorized_keys`, without options. */
export const authorizedKeySchema = z
  .string()
  .max(16_384)
  .regex(/^(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com) [A-Za-z0-9+/]+={0,3}(?: [\x20-\x7e]*)?$/, { error: 'must be a public key as ssh-keygen prints it' });

/** A disk, by any name that it has below /dev. */
const diskSchema = z
  .string()
  .max(256)
  .regex(/^(?:\/dev\/)?[A-Za-z0-9][A-Za-z0-9._:+/-]*$/, { error: 'must be the name of a disk below /dev' })
  .refine((path) => !path.split('/').includes('..'), { error: 'must not lead up' });

/** How a machine is to be set up. */
export const setupParametersSchema = z.strictObject({
  hostname: z.string().max(63).regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/i, { error: 'must be a host name' }).optional(),
  /** Every disk that can be taken, or these. */
  disks: z.union([z.literal('all'), z.array(diskSchema).min(1).max(256)]).default('all'),
  layout: z.enum(POOL_LAYOUTS).default('auto'),
  /** Secret in its way. */
  root_shadow: passwordHashSchema.optional(),
  authorized_keys: z.array(authorizedKeySchema).max(64).default([]),
});
export type SetupParameters = z.output<typeof setupParametersSchema>;

/** The answer, 200 in both cases. */
export const enrolAnswerSchema = z.discriminatedUnion('state', [
  z.looseObject({ state: z.literal('waiting'), retry_seconds: z.number().min(1).max(60) }),
  z.looseObject({
    state: z.literal('approved'),
    certificate: certificatePemSchema,
    ca: certificatePemSchema,
    heads: z.array(z.url({ protocol: /^https$/ })).min(1),
    setup: setupParametersSchema,
  }),
]);
export type EnrolAnswer = z.input<typeof enrolAnswerSchema>;

/** States of a setup, as Triton's setup.json names them (control-plane §6.4), as far as nodes of ours have them. */
export const SETUP_STATES = ['zpool_created', 'datasets_setup', 'configs_installed', 'swap_created', 'filesystems_setup', 'imgadm_setup', 'agents_installed', 'setup_complete', 'failed'] as const;
export type SetupState = (typeof SETUP_STATES)[number];

/** `POST /servers/:uuid/events/setup`, over mTLS by a node that is being set up. */
export const setupEventSchema = z.strictObject({
  state: z.enum(SETUP_STATES),
  /** What went wrong, with `failed`. */
  error: z.string().max(1000).optional(),
});
export type SetupEvent = z.infer<typeof setupEventSchema>;

/** The name of a machine's key as people compare it: half of the SHA-256 of its public key, in groups of four. */
export function readableFingerprint(keySha256: string): string {
  return (keySha256.slice(0, 32).match(/.{4}/g) ?? []).join('-');
}

/** A `uuid` that hardware gives to more than one machine, or to none. */
export const enrolUuidSchema = uuidSchema.refine((uuid) => !/^(?:0{8}-(?:0{4}-){3}0{12}|f{8}-(?:f{4}-){3}f{12}|03000200-0400-0500-0006-000700080009)$/.test(uuid), {
  error: 'must be the uuid of one machine: set override_uuid among its kernel parameters',
});
