/** An account's SSH public keys. */
import { z } from 'zod';
import { headErrors } from '../errors.ts';
import type { App } from '../http/app.ts';
import { paramsOf } from '../http/params.ts';
import type { AccountKey } from '../services.ts';
import { accountOf } from './authenticate.ts';
import type { CloudApiServices } from './routes.ts';

const keySchema = z.object({ key: z.string() });

export function routeKeys(app: App, { accounts }: CloudApiServices): void {
  app.get('/:account/keys', async (request) => (await accounts.keys(accountOf(request).uuid)).map(toWire));

  app.get('/:account/keys/:key', { schema: { params: keySchema } }, async (request) => {
    const key = await accounts.key(accountOf(request).uuid, request.params.key);
    if (!key) throw notFound(request.params.key);
    return toWire(key);
  });

  app.post('/:account/keys', async (request, reply) => {
    const { uuid, login } = accountOf(request);
    const key = await accounts.addKey(uuid, paramsOf(request, z.looseObject({})));
    return reply.status(201).header('location', `/${login}/keys/${encodeURIComponent(key.name)}`).send(toWire(key));
  });

  app.delete('/:account/keys/:key', { schema: { params: keySchema } }, async (request, reply) => {
    if (!(await accounts.removeKey(accountOf(request).uuid, request.params.key))) throw notFound(request.params.key);
    return reply.status(204).send();
  });
}

function toWire({ name, fingerprint, openssh, created }: AccountKey): object {
  return { name, fingerprint, key: openssh, created };
}

function notFound(key: string): Error {
  return headErrors.ResourceNotFound({ what: `key ${key}` });
}
