/** Accounts on the internal app, for operators: who has one, and with which keys they sign. */
import { z } from 'zod';
import { headErrors } from '../errors.ts';
import type { App } from '../http/app.ts';
import { limitParam, offsetParam, paramsOf } from '../http/params.ts';
import type { Account, Accounts } from '../services.ts';

const accountSchema = z.object({ account: z.string() });
const keySchema = z.object({ account: z.string(), key: z.string() });
const pageSchema = z.object({ limit: limitParam.optional(), offset: offsetParam.optional() });
const anything = z.looseObject({});
const config = { invalid: 'InvalidArgument' } as const;

/** Register them. Accounts go by uuid or login, keys by fingerprint or name. */
export function accountRoutes(app: App, accounts: Accounts): void {
  app.get('/accounts', { config }, async (request) => {
    const { limit = 1000, offset = 0 } = paramsOf(request, pageSchema);
    return await accounts.list({ limit, offset });
  });

  app.post('/accounts', { config }, async (request, reply) => {
    const account = await accounts.add(paramsOf(request, anything));
    return reply.status(201).header('location', `/accounts/${account.uuid}`).send(account);
  });

  app.get('/accounts/:account', { schema: { params: accountSchema }, config }, async ({ params }) => await named(accounts, params.account));

  app.put('/accounts/:account', { schema: { params: accountSchema }, config }, async (request) => {
    const { uuid } = await named(accounts, request.params.account);
    return await accounts.update(uuid, paramsOf(request, anything));
  });

  app.get('/accounts/:account/keys', { schema: { params: accountSchema }, config }, async ({ params }) => {
    return await accounts.keys((await named(accounts, params.account)).uuid);
  });

  app.post('/accounts/:account/keys', { schema: { params: accountSchema }, config }, async (request, reply) => {
    const { uuid } = await named(accounts, request.params.account);
    return reply.status(201).send(await accounts.addKey(uuid, paramsOf(request, anything)));
  });

  app.delete('/accounts/:account/keys/:key', { schema: { params: keySchema }, config }, async ({ params }, reply) => {
    const { uuid } = await named(accounts, params.account);
    if (!(await accounts.removeKey(uuid, params.key))) throw headErrors.ResourceNotFound({ what: `key ${params.key}` });
    return reply.status(204).send();
  });
}

async function named(accounts: Accounts, idOrLogin: string): Promise<Account> {
  const account = await accounts.get(idOrLogin);
  if (!account) throw headErrors.ResourceNotFound({ what: `account ${idOrLogin}` });
  return account;
}
