/** A head node's VMs and jobs with real networks, placement and packages in a database, over simulated nodes. */
import { randomUUID } from 'node:crypto';
import bunyan from 'bunyan';
import type { Database } from '../../../headnode/db/database.ts';
import { openDatabase, type DatabasePlace } from '../../../headnode/db/open-database.ts';
import { newApp, type App } from '../../../headnode/http/app.ts';
import { pingRoutes } from '../../../headnode/http/ping.ts';
import { openJobs, type OpenJobs } from '../../../headnode/jobs/open-jobs.ts';
import { routeJobs } from '../../../headnode/jobs/routes.ts';
import { openNetworks } from '../../../headnode/networks/open-networks.ts';
import { openPackages } from '../../../headnode/packages/packages.ts';
import { openPlacement } from '../../../headnode/placement/open-placement.ts';
import type { Asker, Images, Job, Networks, Packages, WireObject } from '../../../headnode/services.ts';
import { openVms, type OpenVms } from '../../../headnode/vms/open-vms.ts';
import { routeVms } from '../../../headnode/vms/routes.ts';
import { simulatedNodes, type SimulatedNodes } from './simulated-nodes.ts';

export const OWNER = '930896af-bf8c-48d4-885c-6573a94b1853';
export const OTHER_OWNER = '22222222-2222-4222-8222-222222222222';
export const IMAGE = { uuid: '11111111-1111-4111-8111-111111111111', name: 'minimal', version: '1', type: 'lx-dataset', os: 'linux', state: 'active', public: true };
export const ASKER: Asker = { requestId: 'test', by: 'operator' };
export const WAIT_SECONDS = 60;

export interface Head {
  readonly database: Database;
  readonly jobs: OpenJobs;
  readonly vms: OpenVms;
  readonly networks: Networks;
  readonly packages: Packages;
  readonly servers: SimulatedNodes;
  readonly app: App;
  /** Uuid of a network of 10.66.0.0/24. */
  readonly network: string;
  readonly errors: string[];
  ended(jobUuid: string): Promise<Job>;
  /** Wait until something is so. */
  until(what: string, check: () => Promise<boolean>): Promise<void>;
  close(): Promise<void>;
}

export interface HeadChoices {
  readonly place?: DatabasePlace;
  readonly nodes?: number;
  readonly servers?: SimulatedNodes;
  readonly images?: Images;
  /** How long a create waits for a node that is cut off. */
  readonly patienceSeconds?: number;
}

export async function openHead({ place = { kind: 'pglite' }, nodes = 2, servers = simulatedNodes(nodes), images = oneImage, patienceSeconds }: HeadChoices = {}): Promise<Head> {
  const database = await openDatabase(place);
  const errors: string[] = [];
  const onError = (what: string, error: unknown): void => void errors.push(`${what}: ${String(error)}`);
  const jobs = await openJobs({ database, onError });
  const networks = openNetworks({ db: database });
  const packages = openPackages({ db: database });
  const placement = openPlacement({ db: database, servers });
  const vms = openVms({ database, jobs, servers, networks, packages, placement, images, onError, ...(patienceSeconds !== undefined && { patienceSeconds }) });
  const network = await makeNetwork(database);
  const app = newApp({ log: bunyan.createLogger({ name: 'test', level: bunyan.FATAL + 1 }) });
  pingRoutes(app, { database });
  routeJobs(app, jobs);
  routeVms(app, { vms, jobs });
  await jobs.begin();
  return {
    database,
    jobs,
    vms,
    networks,
    packages,
    servers,
    app,
    network,
    errors,
    ended: (jobUuid) => jobs.wait(jobUuid, WAIT_SECONDS),
    async until(what, check) {
      const deadline = Date.now() + WAIT_SECONDS * 1000;
      while (!(await check())) {
        if (Date.now() > deadline) throw new Error(`not within ${WAIT_SECONDS} s: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    async close() {
      await app.close();
      await jobs.close();
      await vms.close();
      await database.close();
    },
  };
}

const oneImage: Images = {
  list: async () => [IMAGE],
  get: async (uuid) => (uuid === IMAGE.uuid ? IMAGE : undefined),
  openFile: async () => undefined,
} as Images;

async function makeNetwork(database: Database): Promise<string> {
  const uuid = randomUUID();
  await database.query(`INSERT INTO nic_tags (name, uuid, mtu) VALUES ('external', $1, 1500) ON CONFLICT DO NOTHING`, [randomUUID()]);
  const [made] = await database.query<{ uuid: string }>(
    `INSERT INTO networks (uuid, name, family, subnet, nic_tag, vlan_id, provision_start, provision_end, next_address, gateway, more)
     VALUES ($1, 'external', 4, '10.66.0.0/24', 'external', 0, '10.66.0.10', '10.66.0.250', '10.66.0.10', '10.66.0.1', '{"resolvers": ["10.66.0.2"]}') ON CONFLICT (name) DO NOTHING RETURNING uuid`,
    [uuid],
  );
  if (made) return uuid;
  const [known] = await database.query<{ uuid: string }>(`SELECT uuid FROM networks WHERE name = 'external'`);
  return String(known?.uuid);
}

/** The parameters of a create that is all right. */
export function createParams(head: Pick<Head, 'network'>, more: WireObject = {}): WireObject {
  return { owner_uuid: OWNER, brand: 'lx', ram: 256, quota: 5, image_uuid: IMAGE.uuid, networks: [{ uuid: head.network }], ...more };
}
