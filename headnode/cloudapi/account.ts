/** The account itself, and where things are. */
import { z } from 'zod';
import type { App } from '../http/app.ts';
import { paramsOf } from '../http/params.ts';
import { accountOf } from './authenticate.ts';
import type { CloudApiOptions, CloudApiServices } from './routes.ts';

export function routeAccount(app: App, { accounts }: CloudApiServices, { datacenter, url }: CloudApiOptions): void {
  // Its uuid is called id here.
  app.get('/:account', async (request) => toWire(accountOf(request)));
  app.post('/:account', async (request) => toWire(await accounts.update(accountOf(request).uuid, paramsOf(request, z.looseObject({})))));
  app.get('/:account/datacenters', async () => ({ [datacenter]: url() }));
  app.get('/:account/services', async () => ({ cloudapi: url() }));
}

function toWire({ uuid, ...account }: ReturnType<typeof accountOf>): object {
  return { id: uuid, ...account };
}
