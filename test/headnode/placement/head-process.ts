/**
 * One of several head processes on one database: `node head-process.ts <JSON: place, servers, vms, network>`. It places all VMs at
 * once, gives each that was placed an address, and prints for each what it got.
 */
import { migrations } from '../../../headnode/db/migrations/index.ts';
import { openDatabase, type DatabasePlace } from '../../../headnode/db/open-database.ts';
import { openNetworks } from '../../../headnode/networks/open-networks.ts';
import { openPlacement } from '../../../headnode/placement/open-placement.ts';
import type { Server, WireObject } from '../../../headnode/services.ts';
import { toldServers } from './servers.ts';

export interface Work {
  readonly place: DatabasePlace;
  readonly servers: readonly Server[];
  readonly vms: ReadonlyArray<WireObject & { readonly uuid: string }>;
  readonly network: string;
}

/** For each VM; both undefined when there was no room. */
export interface Outcome {
  readonly vm: string;
  readonly server?: string;
  readonly ip?: unknown;
  readonly mac?: unknown;
}

const work = JSON.parse(process.argv[2] ?? '') as Work;
const db = await openDatabase(work.place, migrations);
const placement = openPlacement({ db, servers: toldServers(work.servers) });
const networks = openNetworks({ db });
const outcomes = await Promise.all(work.vms.map(create));
await db.close();
process.stdout.write(JSON.stringify(outcomes));

async function create(vm: WireObject & { readonly uuid: string }): Promise<Outcome> {
  const { server } = await placement.allocate({ vm, nicTags: ['external'] });
  if (!server) return { vm: vm.uuid };
  const nic = await networks.provisionNic(work.network, { ownerUuid: String(vm['owner_uuid']), belongsToUuid: vm.uuid, belongsToType: 'zone', index: 0, cnUuid: server.uuid });
  return { vm: vm.uuid, server: server.uuid, ip: nic['ip'], mac: nic['mac'] };
}
