/**
 * A head process: all services opened and handed to each other, all routes registered. It listens on nothing yet and
 * may be asked by `app.inject` as it stands; `main.ts` gives it its listeners.
 *
 * To add a domain: open its service below those it needs, put it into `services`, register its routes on the app of its
 * API, and put what ends it into `closing` (ended in the reverse order, before the database).
 */
import { join } from 'node:path';
import type Logger from 'bunyan';
import { openAccounts } from './accounts/accounts.ts';
import { accountRoutes } from './accounts/routes.ts';
import { assignPlatform } from './boot/next-boot.ts';
import { listPlatforms } from './boot/platforms.ts';
import { bootRoutes } from './boot/routes.ts';
import { cloudApiRoutes, type CloudApiOptions } from './cloudapi/routes.ts';
import type { Database } from './db/database.ts';
import { openEnrolment, type SetupPolicy } from './enrol/open-enrolment.ts';
import { enrolRoutes } from './enrol/routes.ts';
import { newApp, type App } from './http/app.ts';
import { pingRoutes } from './http/ping.ts';
import { openImages } from './images/open-images.ts';
import { otherHeads } from './images/other-heads.ts';
import { routeImages } from './images/routes.ts';
import { openJobs } from './jobs/open-jobs.ts';
import { routeJobs } from './jobs/routes.ts';
import { openNetworks } from './networks/open-networks.ts';
import { networkRoutes } from './networks/routes.ts';
import { openPackages } from './packages/packages.ts';
import { packageRoutes } from './packages/routes.ts';
import { openPki, type HeadIdentity, type Pki } from './pki/open-pki.ts';
import { pkiRoutes } from './pki/routes.ts';
import { loadSealKey } from './pki/seal.ts';
import { openPlacement } from './placement/open-placement.ts';
import { placementRoutes } from './placement/routes.ts';
import { openServers, type OpenServers } from './servers/open-servers.ts';
import { agentRoutes } from './servers/routes/agent-routes.ts';
import { serverRoutes } from './servers/routes/server-routes.ts';
import { taskRoutes } from './servers/routes/task-routes.ts';
import { ticketRoutes } from './servers/routes/ticket-routes.ts';
import { serverVmRoutes } from './servers/routes/vm-routes.ts';
import type { Services } from './services.ts';
import { openVms } from './vms/open-vms.ts';
import { routeVms } from './vms/routes.ts';

export interface HeadOptions {
  readonly database: Database;
  readonly log: Logger;
  /** For what is kept as files: seal key, images, platforms. */
  readonly directory: string;
  /** For people, among several head processes. */
  readonly name: string;
  /** How nodes reach this process: its URL, and the names for its certificate. */
  readonly admin?: { url(): string; readonly ips: readonly string[]; readonly dns: readonly string[] };
  /** Which machines become nodes, and how; none without an operator's word unless given. */
  readonly policy?: SetupPolicy;
  /** What CloudAPI tells of itself. */
  readonly cloudapi?: CloudApiOptions;
}

export interface Head {
  readonly services: Services;
  readonly servers: OpenServers;
  readonly pki: Pki;
  /** What this process shows to nodes. */
  readonly identity: HeadIdentity;
  /** CNAPI, VMAPI, NAPI, IMGAPI, PAPI. */
  readonly internal: App;
  readonly cloudapi: App;
  close(): Promise<void>;
}

/** @throws SealKeyInvalid */
export async function composeHead(options: HeadOptions): Promise<Head> {
  const closing: Array<() => Promise<void>> = [];
  try {
    return await compose(options, closing);
  } catch (error) {
    for (const close of closing.toReversed()) await close();
    throw error;
  }
}

const BY_OPERATOR: SetupPolicy = { setup_nodes: 'by_operator', node_setup: { disks: 'all', layout: 'auto', authorized_keys: [] } };

async function compose({ database, log, directory, name, admin, policy = BY_OPERATOR, cloudapi: told = { datacenter: 'local', url: () => 'http://127.0.0.1:8090' } }: HeadOptions, closing: Array<() => Promise<void>>): Promise<Head> {
  const sealKey = await loadSealKey(join(directory, 'seal.key'));
  const pki = await openPki({ database, sealKey });
  closing.push(pki.close);
  const identity = await pki.identify(admin ?? { ips: [], dns: [] });
  const servers = await openServers({ database, log, identity, revocations: pki.revocations, name, url: () => admin?.url() });
  closing.push(servers.close);

  const networks = openNetworks({ db: database, servers });
  const placement = openPlacement({ db: database, servers });
  const onError = (what: string, error: unknown): void => log.error({ err: error }, what);
  const jobs = await openJobs({ database, onError });
  closing.push(jobs.close);
  const accounts = openAccounts({ db: database });
  const packages = openPackages({ db: database });
  const images = await openImages({ db: database, directory, jobs, peers: otherHeads({ db: database, identity, url: () => admin?.url() }) });
  const vms = openVms({ database, jobs, servers, networks, placement, images, packages, onError });
  closing.push(vms.close);

  const enrolment = openEnrolment({ database, log, jobs, servers, networks, pki, sealKey, policy });

  // Each domain puts its service here.
  const services: Services = { servers, jobs, vms, networks, placement, images, packages, accounts };

  const internal = newApp({ log, roleOf: pki.roleOf });
  pingRoutes(internal, { database });
  pkiRoutes(internal, { database, pki, url: () => admin?.url() });
  agentRoutes(internal, servers);
  const platforms = join(directory, 'platforms');
  serverRoutes(internal, servers, { platforms: () => listPlatforms(platforms, { withOs: false }), setBootPlatform: (uuid, platform) => assignPlatform(database, uuid, platform), revoke: pki.revoke });
  enrolRoutes(internal, { enrolment, servers });
  serverVmRoutes(internal, servers);
  taskRoutes(internal, servers);
  ticketRoutes(internal, servers);
  bootRoutes(internal, { database, servers, platforms, address: admin?.ips[0] });

  networkRoutes(internal, { db: database });
  placementRoutes(internal, { placement });
  accountRoutes(internal, accounts);
  packageRoutes(internal, packages);
  routeImages(internal, images);
  routeJobs(internal, jobs);
  routeVms(internal, { vms, jobs });

  const cloudapi = newApp({ log });
  cloudApiRoutes(cloudapi, { accounts, packages, images, networks, vms, jobs }, told);

  // All workflows are defined: jobs of this process, or of one that died, can go on.
  await jobs.begin();

  return {
    services,
    servers,
    pki,
    identity,
    internal,
    cloudapi,
    async close() {
      await internal.close();
      await cloudapi.close();
      for (const close of closing.toReversed()) await close();
      await database.close();
    },
  };
}
