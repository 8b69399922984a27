import { newPrivateKey } from '../../host/pki/keys.ts';
import { newRequest } from '../../host/pki/request.ts';
import { refusalOf } from '../head/client.ts';
import { decodeJoinToken, joinAnswerSchema } from '../wire/join.ts';
import { holderName, holderUri } from '../wire/roles.ts';
import type { Sysinfo } from '../wire/sysinfo.ts';
import { identityErrors } from './errors.ts';
import type { Identity } from './identity.ts';
import { askPinned, issuedIdentity } from './pinned.ts';

/** What a node says when it joins. */
export interface Joining {
  /** As the operator got it. */
  readonly token: string;
  readonly uuid: string;
  readonly sysinfo?: Sysinfo;
}

/**
 * Join a head node: make a key, prove that we have it, and get a certificate for this node. The secret leaves only after whoever
 * answers has shown a head node's certificate of the authority that the token names.
 * @throws JoinTokenInvalid, HeadUnreachable, HeadUntrusted, TokenUsed, TokenExpired, JoinRefused
 */
export async function joinHead({ token: text, uuid, sysinfo }: Joining): Promise<Identity> {
  const token = decodeJoinToken(text);
  if (!token) throw identityErrors.JoinTokenInvalid({ reason: 'it is not a token, or not all of one' });
  const key = await newPrivateKey();
  const holder = { role: 'node', uuid } as const;
  const csr = await newRequest(key, { uri: holderUri(holder), name: holderName(holder) });
  const answer = await askPinned(token, { path: '/join', body: { secret: token.secret, uuid, csr, ...(sysinfo && { sysinfo }) } }).catch(asTokens);
  const { data } = joinAnswerSchema.safeParse(answer);
  if (!data) throw identityErrors.JoinRefused({ head: token.url, reason: 'its answer is not understood' });
  return issuedIdentity(token, { key, uuid, ...data });
}

/** Some refusals are about the token, not about the node. */
function asTokens(error: unknown): never {
  const code = refusalOf(error)?.code;
  if (code === 'TokenUsed') throw identityErrors.TokenUsed();
  if (code === 'TokenExpired') throw identityErrors.TokenExpired();
  throw error;
}
