import { z } from 'zod';
import { encodeJoinToken, joinRequestSchema, renewRequestSchema } from '../../agent/wire/index.ts';
import type { Database } from '../db/database.ts';
import { headErrors } from '../errors.ts';
import type { App } from '../http/app.ts';
import { integerParam, paramsOf } from '../http/params.ts';
import type { Pki } from './open-pki.ts';
import { makeToken } from './tokens.ts';

export interface PkiRoutes {
  readonly database: Database;
  readonly pki: Pki;
  /** This head's URL for nodes; undefined when it does not listen for them. */
  url(): string | undefined;
}

const DAY_SECONDS = 24 * 60 * 60;
const tokenRequest = z.object({ ttl: integerParam.pipe(z.number().min(1).max(30 * DAY_SECONDS)).default(DAY_SECONDS) });

/** Joining and certificates. `/join` is for who has no certificate yet; `/tokens` and revocation are for operators. */
export function pkiRoutes(app: App, { database, pki, url: urlOf }: PkiRoutes): void {
  app.post('/join', { config: { anonymous: true }, bodyLimit: JOIN_BYTES, schema: { body: joinRequestSchema } }, async ({ body }) => {
    if (body.sysinfo && body.sysinfo.UUID !== body.uuid) throw headErrors.InvalidArgument({ reason: `sysinfo is of ${body.sysinfo.UUID}, not of ${body.uuid}` });
    return await pki.join(body);
  });
  app.post('/certificates', { config: { node: 'any' }, schema: { body: renewRequestSchema } }, async ({ body, role }) => {
    if (role.kind !== 'node') throw headErrors.NotAuthorized({ reason: 'only a node renews its certificate' });
    return await pki.renew(role.uuid, body.csr);
  });
  app.post('/tokens', async (request) => {
    const { ttl } = paramsOf(request, tokenRequest);
    const url = urlOf();
    if (url === undefined) throw headErrors.InvalidArgument({ reason: 'this head node has no address on the admin network: give it one in its configuration' });
    const { secret, expires } = await makeToken(database, ttl);
    return { token: encodeJoinToken({ url, ca: pki.caFingerprint, secret }), expires: expires.toISOString() };
  });
  app.get('/certificates', async () => await database.query('SELECT fingerprint, holder, issued_at, expires_at, revoked_at FROM certificates ORDER BY issued_at'));
  app.delete('/certificates/:id', { schema: { params: z.object({ id: z.string().regex(/^[0-9a-f-]{36}$|^[0-9a-f]{64}$/, { error: 'must be a fingerprint or a server uuid' }) }) } }, async ({ params }) => {
    const revoked = await pki.revoke(params.id);
    if (revoked.length === 0) throw headErrors.ResourceNotFound({ what: `certificate ${params.id}` });
    return { revoked };
  });
}

const JOIN_BYTES = 1024 * 1024;
