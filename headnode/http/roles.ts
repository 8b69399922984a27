/**
 * Who speaks. Operators' programs come over loopback or the head's own socket; nodes and head nodes come over mTLS with a
 * certificate of our CA that names them.
 */
import type { FastifyRequest } from 'fastify';
import type { Account, Asker } from '../services.ts';
import { headErrors } from '../errors.ts';

export type RequestRole = { readonly by: string } & (
  | { readonly kind: 'operator' }
  | { readonly kind: 'head' }
  | { readonly kind: 'node'; readonly uuid: string }
  /** A request to CloudAPI that is signed with a key of this account. */
  | { readonly kind: 'account'; readonly account: Account }
  /** No certificate. */
  | { readonly kind: 'anonymous' }
  /** A certificate that is not good: of another CA, expired, revoked. */
  | { readonly kind: 'refused'; readonly reason: string }
);

export type NodeAccess = 'own' | 'any';

export const OPERATOR: RequestRole = { kind: 'operator', by: 'operator' };
export const ANONYMOUS: RequestRole = { kind: 'anonymous', by: 'anonymous' };
export const HEAD: RequestRole = { kind: 'head', by: 'head' };

export function accountRole(account: Account): RequestRole {
  return { kind: 'account', account, by: `account:${account.uuid}` };
}

export function nodeRole(uuid: string): RequestRole {
  return { kind: 'node', uuid, by: `server:${uuid}` };
}

/** Refuse what this caller may not do. What is not for it at all is not there. @throws NotAuthorized, InvalidCredentials, ResourceNotFound */
export function authorize(request: FastifyRequest): void {
  const { role } = request;
  const { config } = request.routeOptions;
  // Accounts are known in CloudAPI alone, which looks at what is theirs.
  if (role.kind === 'operator' || role.kind === 'head' || role.kind === 'account') return;
  if (role.kind === 'refused') throw headErrors.InvalidCredentials({ reason: role.reason });
  if (config.anonymous) return;
  if (role.kind === 'anonymous') throw headErrors.InvalidCredentials({ reason: 'a client certificate is required' });
  if (config.node === undefined) throw headErrors.ResourceNotFound({ what: `${request.method} ${request.url.split('?')[0] ?? ''}` });
  if (config.node === 'own' && namedServer(request) !== role.uuid) throw headErrors.NotAuthorized({ reason: `the certificate is for server ${role.uuid}` });
}

/** Who asked, for jobs, tasks and logs. */
export function askerOf(request: FastifyRequest): Asker {
  return { requestId: request.id, by: request.role.by };
}

function namedServer(request: FastifyRequest): unknown {
  const { uuid } = request.params as { uuid?: unknown };
  return uuid ?? (request.query as { server_uuid?: unknown }).server_uuid;
}
