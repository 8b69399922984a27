/** HTTP Signature (draft-cavage) with SSH keys of accounts (control-plane §7.4). */
import type { ClientRequest } from 'node:http';
import type { FastifyRequest } from 'fastify';
import httpSignature from 'http-signature';
import { headErrors } from '../errors.ts';
import { accountRole, ANONYMOUS } from '../http/roles.ts';
import type { Account, Accounts } from '../services.ts';

/** SHA-1 and DSA, which Triton allowed, are not good enough any more; no client of today needs them. */
const ALGORITHMS = ['rsa-sha256', 'rsa-sha512', 'ecdsa-sha256', 'ecdsa-sha512', 'ed25519-sha512'];
const CLOCK_SKEW_SECONDS = 300;

/**
 * Find out who signed a request and give it that role. Nothing of its body is read.
 * @throws InvalidCredentials; the same one whether the account, the key or the signature is wrong
 * @throws NotAuthorized for roles, which are not there yet
 * @throws ResourceNotFound when the path names another account, whether that exists or not
 */
export async function authenticate(request: FastifyRequest, accounts: Accounts): Promise<void> {
  request.role = ANONYMOUS;
  checkDate(request);
  const signed = parseSignature(request);
  const { login, key: keyName } = parseKeyId(signed.params.keyId);
  const account = await accounts.get(login);
  const key = account && (await accounts.key(account.uuid, keyName));
  if (!account || !key || !verifies(signed, key.openssh)) throw headErrors.InvalidCredentials({ reason: 'the account, its key or the signature is not right' });
  request.role = accountRole(account);
  checkPath(request, account);
}

/** The account that signed a request. */
export function accountOf({ role }: FastifyRequest): Account {
  if (role.kind !== 'account') throw new Error('the request has not been authenticated');
  return role.account;
}

/** http-signature takes a date that cannot be read for one that is just right. */
function checkDate({ headers }: FastifyRequest): void {
  const text = headers['x-date'] ?? headers.date;
  const date = typeof text === 'string' ? Date.parse(text) : NaN;
  if (Number.isNaN(date)) throw unsigned('a Date header is needed, and must be one of the signed headers');
  const skew = Math.round((date - Date.now()) / 1000);
  if (Math.abs(skew) > CLOCK_SKEW_SECONDS) {
    throw unsigned(`the request's date is ${Math.abs(skew)} seconds ${skew > 0 ? 'ahead of' : 'behind'} this server's clock; ${CLOCK_SKEW_SECONDS} are allowed`);
  }
}

type Signed = ReturnType<typeof httpSignature.parseRequest>;

function parseSignature({ raw }: FastifyRequest): Signed {
  if (raw.headers.authorization === undefined) throw unsigned('the request is not signed: it has no Authorization header');
  try {
    // It needs nothing but method, url and headers; its types name the wrong side of HTTP.
    return httpSignature.parseRequest(raw as unknown as ClientRequest, { clockSkew: CLOCK_SKEW_SECONDS, algorithms: ALGORITHMS });
  } catch (error) {
    // Its own errors and those that hostile input provokes mean the same.
    throw headErrors.InvalidCredentials({ reason: `the Authorization header is not one of HTTP Signature with a signed date and one of ${ALGORITHMS.join(', ')}` }, { cause: error });
  }
}

/** `/<account>/keys/<fingerprint or name>`. */
function parseKeyId(keyId: string): { readonly login: string; readonly key: string } {
  const parts = keyId.split('/').map(decoded);
  if (parts.length === 6 && parts[2] === 'users') throw headErrors.NotAuthorized({ reason: 'sub-users are not supported yet; sign with a key of the account' });
  const [empty, login, keys, key] = parts;
  if (parts.length !== 4 || empty !== '' || keys !== 'keys' || !login || !key) throw unsigned('keyId must be /<account>/keys/<fingerprint>');
  return { login, key };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw unsigned('keyId must be /<account>/keys/<fingerprint>');
  }
}

function verifies(signed: Signed, openssh: string): boolean {
  try {
    return httpSignature.verifySignature(signed, openssh);
  } catch {
    // Bytes that are no signature at all.
    return false;
  }
}

/** `my` is the account that signed. */
function checkPath({ params, query }: FastifyRequest, account: Account): void {
  if ((query as { 'as-role'?: unknown })['as-role'] !== undefined) throw headErrors.NotAuthorized({ reason: 'roles are not supported yet; leave as-role out' });
  const { account: named } = params as { account?: string };
  if (named === undefined || named === 'my' || named === account.uuid || named.toLowerCase() === account.login.toLowerCase()) return;
  throw headErrors.ResourceNotFound({ what: `account ${named}` });
}

function unsigned(reason: string): Error {
  return headErrors.InvalidCredentials({ reason });
}
