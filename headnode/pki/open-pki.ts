/**
 * The head node's certificate authority: who may join, who is who, and who is not any more.
 *
 * The CA's key is in the database, sealed; every head process can issue. A head process makes a key of its own at each start
 * and keeps it in memory. What was revoked is known to every process by a notification, and to nodes by what their
 * heartbeats are answered.
 */
import type { IncomingMessage } from 'node:http';
import { isErrorCode } from '../../host/errors/errors.ts';
import { readCertificate } from '../../host/pki/certificate.ts';
import { issueCertificate, newAuthority, type Authority } from '../../host/pki/authority.ts';
import { newPrivateKey } from '../../host/pki/keys.ts';
import { newRequest } from '../../host/pki/request.ts';
import { holderName, holderUri, type Holder, type JoinAnswer } from '../../agent/wire/index.ts';
import type { Database, Queries } from '../db/database.ts';
import { headErrors } from '../errors.ts';
import type { RequestRole } from '../http/roles.ts';
import { openRevocations, type Revocations } from './revocations.ts';
import { roleOfConnection } from './role-of-connection.ts';
import { seal, unseal, type SealKey } from './seal.ts';
import { useToken } from './tokens.ts';

export interface HeadIdentity {
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
  readonly expires: Date;
}

export interface Pki {
  /** The CA's certificate, PEM. */
  readonly ca: string;
  /** Its fingerprint: SHA-256 in hex. */
  readonly caFingerprint: string;
  readonly revocations: Revocations;
  /** A new certificate of this process, for its listener and for calling agents. @param names what nodes reach it by */
  identify(names: { readonly ips: readonly string[]; readonly dns: readonly string[] }): Promise<HeadIdentity>;
  /** Use a token up and issue a node's first certificate. @throws InvalidToken, TokenUsed, TokenExpired, InvalidArgument */
  join(request: { readonly secret: string; readonly uuid: string; readonly csr: string }): Promise<JoinAnswer>;
  /** A node's first certificate, approved of by an operator: whoever had one before is turned away. @throws InvalidArgument */
  admit(uuid: string, csr: string): Promise<JoinAnswer>;
  /** Another certificate for a node, from a new key. The old one stays good until it ends. @throws InvalidArgument */
  renew(uuid: string, csr: string): Promise<JoinAnswer>;
  /** Revoke one certificate by its fingerprint, or all of a node by its uuid. @returns the fingerprints */
  revoke(fingerprintOrUuid: string): Promise<readonly string[]>;
  roleOf(request: IncomingMessage): RequestRole;
  close(): Promise<void>;
}

/** @throws SealKeyInvalid when the database's CA was sealed with another key */
export async function openPki({ database, sealKey, certificateDays }: { readonly database: Database; readonly sealKey: SealKey; readonly certificateDays?: number }): Promise<Pki> {
  const authority = await authorityOf(database, sealKey);
  const revocations = await openRevocations(database);
  const days = certificateDays === undefined ? {} : { days: certificateDays };
  const issue = async (queries: Queries, holder: Holder, { csr, names = {} }: { csr: string; names?: { ips?: readonly string[]; dns?: readonly string[] } }): Promise<string> => {
    const certificate = await issueCertificate(authority, csr, { uri: holderUri(holder), name: holderName(holder), ...names, ...days }).catch(asArgument);
    const { fingerprint, notAfter } = readCertificate(certificate);
    await queries.query('INSERT INTO certificates (fingerprint, holder, expires_at) VALUES ($1, $2, $3)', [fingerprint, holderUri(holder), notAfter]);
    return certificate;
  };
  const answer = async (queries: Queries, certificate: string): Promise<JoinAnswer> => ({ certificate, ca: authority.certificatePem, heads: await headUrls(queries) });
  const admit = async ({ uuid, csr, first }: { readonly uuid: string; readonly csr: string; readonly first?: (queries: Queries) => Promise<void> }): Promise<JoinAnswer> => {
    const holder = { role: 'node', uuid } as const;
    const joined = await database.transaction(async (queries) => {
      await first?.(queries);
      // A node that joins again has lost its key; who has it now must not pass for the node.
      await queries.query('UPDATE certificates SET revoked_at = now() WHERE holder = $1 AND revoked_at IS NULL', [holderUri(holder)]);
      return await answer(queries, await issue(queries, holder, { csr }));
      // A token's row is locked, and nothing else is shared with other joins.
    }, { isolation: 'read committed' });
    await revocations.announce();
    return joined;
  };

  return {
    ca: authority.certificatePem,
    caFingerprint: readCertificate(authority.certificatePem).fingerprint,
    revocations,
    async identify(names) {
      const key = await newPrivateKey();
      const csr = await newRequest(key, { uri: holderUri({ role: 'head' }), name: holderName({ role: 'head' }) });
      const certificate = await issue(database, { role: 'head' }, { csr, names });
      return { certificate, key, ca: authority.certificatePem, expires: readCertificate(certificate).notAfter };
    },
    join: ({ secret, uuid, csr }) => admit({ uuid, csr, first: async (queries) => await useToken(queries, secret, uuid) }),
    admit: (uuid, csr) => admit({ uuid, csr }),
    renew: (uuid, csr) => database.transaction(async (queries) => await answer(queries, await issue(queries, { role: 'node', uuid }, { csr })), { isolation: 'read committed' }),
    async revoke(fingerprintOrUuid) {
      const rows = await database.query<{ fingerprint: string }>(
        'UPDATE certificates SET revoked_at = now() WHERE (fingerprint = $1 OR holder = $2) AND revoked_at IS NULL AND expires_at > now() RETURNING fingerprint',
        [fingerprintOrUuid, holderUri({ role: 'node', uuid: fingerprintOrUuid })],
      );
      await revocations.announce();
      return rows.map(({ fingerprint }) => fingerprint);
    },
    roleOf: (request) => roleOfConnection(request.socket, revocations.has),
    close: () => revocations.close(),
  };
}

const AUTHORITY_SETTING = 'authority';

/** The CA, made by the first process that asks. */
async function authorityOf(database: Database, sealKey: SealKey): Promise<Authority> {
  const stored = await storedAuthority(database);
  if (!stored) {
    const made = await newAuthority({ name: 'Zonewright' });
    const value = JSON.stringify({ certificate: made.certificatePem, sealedKey: seal(sealKey, made.privateKeyPem) });
    await database.query('INSERT INTO settings (name, value) VALUES ($1, $2::jsonb) ON CONFLICT DO NOTHING', [AUTHORITY_SETTING, value]);
  }
  const { certificate, sealedKey } = stored ?? (await storedAuthority(database)) ?? fail();
  const privateKeyPem = unseal(sealKey, sealedKey);
  if (privateKeyPem === undefined) throw headErrors.SealKeyInvalid({ path: 'seal.key', reason: 'the database was set up with another one' });
  return { certificatePem: certificate, privateKeyPem };
}

async function storedAuthority(database: Database): Promise<{ certificate: string; sealedKey: string } | undefined> {
  const [row] = await database.query<{ value: { certificate: string; sealedKey: string } }>('SELECT value FROM settings WHERE name = $1', [AUTHORITY_SETTING]);
  return row?.value;
}

/** Every head node that nodes can reach, those that were seen last first. */
async function headUrls(queries: Queries): Promise<string[]> {
  const rows = await queries.query<{ url: string }>('SELECT url FROM heads WHERE url IS NOT NULL GROUP BY url ORDER BY max(seen_at) DESC LIMIT 16');
  if (rows.length === 0) throw headErrors.InvalidArgument({ reason: 'this head node has no address on the admin network: give it one in its configuration' });
  return rows.map(({ url }) => url);
}

/** The wire has one code for requests that do not fit (agent/wire/join.ts). */
function asArgument(error: unknown): never {
  if (isErrorCode(error, 'RequestInvalid')) throw headErrors.InvalidArgument({ reason: error.message }, { cause: error });
  throw error;
}

function fail(): never {
  throw new Error('the authority was written and is not there');
}
