/**
 * How a node becomes one of a head node's. An operator makes a one-use token at the head node; the node makes a key and a
 * signing request and hands in both. The token pins the head node's CA, so the secret goes to no one else.
 */
import { z } from 'zod';
import { sysinfoSchema } from './sysinfo.ts';
import { uuidSchema } from './uuid.ts';

const pem = (label: string) => z.string().max(16_384).regex(new RegExp(`^-----BEGIN ${label}-----\\n[A-Za-z0-9+/=\\n]+-----END ${label}-----\\n?$`));
export const certificatePemSchema = pem('CERTIFICATE');
export const requestPemSchema = pem('CERTIFICATE REQUEST');

/** SHA-256 of a certificate's DER, 64 hex digits in lower case. */
export const fingerprintSchema = z.string().regex(/^[0-9a-f]{64}$/);

const headUrl = z.url({ protocol: /^https$/ });

/** A token's content; on paper it is base64url of this as JSON. */
export const joinTokenSchema = z.object({
  /** Base URL of the head node, `https://10.77.0.1:8443`. */
  url: headUrl,
  /** Fingerprint of the CA certificate that the head node's own one is issued by. */
  ca: fingerprintSchema,
  /** 32 random bytes in base64url. */
  secret: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
});
export type JoinToken = z.infer<typeof joinTokenSchema>;

/** A token as text, for an operator to carry. */
export function encodeJoinToken(token: JoinToken): string {
  return Buffer.from(JSON.stringify(joinTokenSchema.parse(token))).toString('base64url');
}

/** A token from its text, blanks around it allowed; undefined when it is none. */
export function decodeJoinToken(text: string): JoinToken | undefined {
  const trimmed = text.trim();
  if (!/^[A-Za-z0-9_-]{1,4096}$/.test(trimmed)) return undefined;
  try {
    return joinTokenSchema.safeParse(JSON.parse(Buffer.from(trimmed, 'base64url').toString('utf8'))).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/**
 * POST /join, over TLS without a client certificate. A token that was used is 403 with code TokenUsed, an expired one 403 TokenExpired, one that
 * the head node never made 403 InvalidToken; a CSR for another uuid than `uuid` is 409 InvalidArgument.
 */
export const joinRequestSchema = z.object({
  secret: z.string().min(1).max(256),
  uuid: uuidSchema,
  csr: requestPemSchema,
  sysinfo: sysinfoSchema.optional(),
});
export type JoinRequest = z.infer<typeof joinRequestSchema>;

/** The answer, 200. */
export const joinAnswerSchema = z.looseObject({
  certificate: certificatePemSchema,
  ca: certificatePemSchema,
  /** Base URLs of all head nodes, tried in turn. */
  heads: z.array(headUrl).min(1),
});
export type JoinAnswer = z.infer<typeof joinAnswerSchema>;

/** POST /certificates, over mTLS by a node: a new certificate for the same holder, from a new key. The answer is a JoinAnswer. */
export const renewRequestSchema = z.object({ csr: requestPemSchema });
export type RenewRequest = z.infer<typeof renewRequestSchema>;
