/** Which version of CloudAPI a client speaks (control-plane §7.4: `~9||~8` from triton, `~7.2` from smartdc, `8` from triton-go). */
import type { FastifyRequest } from 'fastify';
import semver from 'semver';
import { headErrors } from '../errors.ts';

/** Newest first. What is answered is the same in all of them. */
export const SERVED = ['9.0.0', '8.0.0', '7.3.0', '7.2.0'] as const;

/** The newest version that the request accepts. @throws InvalidVersion */
export function chooseVersion({ headers }: FastifyRequest): string {
  const asked = headers['accept-version'] ?? headers['api-version'] ?? headers['x-api-version'];
  if (asked === undefined || asked === '') return SERVED[0];
  const range = String(asked);
  const version = semver.maxSatisfying<string>(SERVED, range);
  if (version === null) throw headErrors.InvalidVersion({ served: SERVED.join(', '), asked: JSON.stringify(range.slice(0, 64)) });
  return version;
}
