/** Networks that an account's instances may be on. */
import { z } from 'zod';
import { headErrors } from '../errors.ts';
import type { App } from '../http/app.ts';
import type { Networks, WireObject } from '../services.ts';
import { accountOf } from './authenticate.ts';
import type { CloudApiServices } from './routes.ts';

const networkSchema = z.object({ network: z.string() });

/** The nodes' own network is nobody's, whoever owns it. */
const NODES_NETWORK = 'admin';

export function routeNetworks(app: App, { networks }: CloudApiServices): void {
  app.get('/:account/networks', async (request, reply) => {
    const found = (await networksFor(networks, accountOf(request).uuid)).map(toWire);
    return reply.header('x-resource-count', found.length).send(found);
  });

  app.get('/:account/networks/:network', { schema: { params: networkSchema } }, async (request) => {
    const found = (await networksFor(networks, accountOf(request).uuid)).find(({ uuid, name }) => uuid === request.params.network || name === request.params.network);
    if (!found) throw headErrors.ResourceNotFound({ what: `network ${request.params.network}` });
    return toWire(found);
  });
}

/** Networks and pools of networks that an account may use. */
export async function networksFor(networks: Networks, account: string): Promise<readonly WireObject[]> {
  return (await networks.list({ provisionableBy: account })).filter(({ name }) => name !== NODES_NETWORK);
}

/** How a network is laid out is told to its owners; of one that all may use, only what it is. */
function toWire(network: WireObject): WireObject {
  const { uuid, name, description, subnet, netmask, gateway, resolvers, provision_start_ip, provision_end_ip, vlan_id } = network;
  const owned = ((network['owner_uuids'] ?? []) as readonly string[]).length > 0;
  const layout = owned ? { subnet, netmask, gateway, resolvers, provision_start_ip, provision_end_ip, vlan_id } : {};
  const told = Object.entries({ description, ...layout }).filter(([, value]) => value !== undefined);
  return { id: uuid, name, public: !owned, fabric: network['fabric'] === true, ...Object.fromEntries(told) };
}
