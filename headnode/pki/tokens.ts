import { createHash, randomBytes } from 'node:crypto';
import type { Queries } from '../db/database.ts';
import { headErrors } from '../errors.ts';

const SECRET_BYTES = 32;

/** Make a token that lets one node join. @returns its secret, which is kept nowhere, and when it ends */
export async function makeToken(queries: Queries, seconds: number): Promise<{ readonly secret: string; readonly expires: Date }> {
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  const [row] = await queries.query<{ expires_at: Date }>(
    `INSERT INTO join_tokens (digest, expires_at) VALUES ($1, now() + $2 * interval '1 second') RETURNING expires_at`,
    [digestOf(secret), seconds],
  );
  return { secret, expires: row?.expires_at ?? new Date() };
}

/** Use a token up, in the transaction of what it is used for. @throws InvalidToken, TokenUsed, TokenExpired */
export async function useToken(queries: Queries, secret: string, uuid: string): Promise<void> {
  const [token] = await queries.query<{ used: boolean; expired: boolean }>(
    'SELECT used_at IS NOT NULL AS used, expires_at <= now() AS expired FROM join_tokens WHERE digest = $1 FOR UPDATE',
    [digestOf(secret)],
  );
  if (!token) throw headErrors.InvalidToken();
  if (token.used) throw headErrors.TokenUsed();
  if (token.expired) throw headErrors.TokenExpired();
  await queries.query('UPDATE join_tokens SET used_at = now(), used_by = $2 WHERE digest = $1', [digestOf(secret), uuid]);
}

/** The secret is 256 random bits, so its plain digest gives nothing away. */
function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
