/**
 * CloudAPI: what accounts do with instances of their own (control-plane §7.4, tier A). Each request is signed with an SSH
 * key of the account that its path names; what belongs to somebody else is answered as if it were not there.
 */
import type { Services } from '../services.ts';
import type { App } from '../http/app.ts';
import { routeAccount } from './account.ts';
import { routeActions } from './actions.ts';
import { authenticate } from './authenticate.ts';
import { routeCatalogue } from './catalogue.ts';
import { routeDisks } from './disks.ts';
import { routeKeys } from './keys.ts';
import { routeMachines } from './machines.ts';
import { routeMaps } from './maps.ts';
import { routeNetworks } from './networks.ts';
import { routeNics } from './nics.ts';
import { routeNotYet } from './not-yet.ts';
import { routeSnapshots } from './snapshots.ts';
import { chooseVersion, SERVED } from './version.ts';

export type CloudApiServices = Pick<Services, 'accounts' | 'packages' | 'images' | 'networks' | 'vms' | 'jobs'>;

export interface CloudApiOptions {
  /** The data centre's name. */
  readonly datacenter: string;
  /** Where clients find this API, `https://cloudapi.example.com`. */
  url(): string;
}

const PING = '/--ping';

/** Register it on an app of its own. Whoever connects must sign, except for a ping. */
export function cloudApiRoutes(app: App, services: CloudApiServices, options: CloudApiOptions): void {
  app.addHook('onRoute', (route) => {
    route.config = { invalid: 'InvalidArgument', ...route.config };
  });
  app.addHook('onRequest', async (request, reply) => {
    const version = chooseVersion(request);
    reply.header('api-version', version).header('server', `cloudapi/${version}`).header('triton-datacenter-name', options.datacenter);
    // The body is not read before it is known who sends it.
    if (request.routeOptions.url !== PING) await authenticate(request, services.accounts);
  });

  app.get(PING, { config: { quiet: true } }, async () => ({ ping: 'pong', cloudapi: { versions: SERVED } }));
  routeAccount(app, services, options);
  routeKeys(app, services);
  routeCatalogue(app, services);
  routeNetworks(app, services);
  routeMachines(app, services);
  routeActions(app, services);
  routeMaps(app, services);
  routeNics(app, services);
  routeDisks(app, services);
  routeSnapshots(app, services);
  routeNotYet(app);
}
