/** NAPI's routes (control-plane §4). Parameters may be in the query or in the body; what is wrong with them is said field by field, 422. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Database } from '../db/database.ts';
import type { App } from '../http/app.ts';
import { getIp, listIps, searchIps, updateIp } from './ips.ts';
import { createNetwork, deleteNetwork, getNetwork, listNetworks, networkObject, updateNetwork } from './networks.ts';
import { createNicTag, deleteNicTag, getNicTag, listNicTags, updateNicTag } from './nic-tags.ts';
import { deleteNic, getNic, listNics, nicObject, updateNic } from './nics.ts';
import { createPool, deletePool, getPool, listPools, poolObject, updatePool } from './pools.ts';
import { createNic, provisionFromParameters } from './provision.ts';

const named = z.object({ id: z.string().max(128) });
const address = z.object({ id: z.string().max(128), ip: z.string().max(64) });

/** Add the routes to the internal app. */
export function networkRoutes(app: App, { db }: { readonly db: Database }): void {
  for (const route of ROUTES) {
    const { method, url, params = z.object({}), status = 200, handle } = route;
    app.route({
      method,
      url,
      config: { invalid: 'InvalidParameters' },
      schema: { tags: ['networks'], summary: route.summary, params },
      handler: async (request, reply) => answer(reply, status, await handle(db, asked(request))),
    });
  }
}

interface Asked {
  readonly id: string;
  readonly ip: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: string;
  readonly summary: string;
  readonly params?: z.ZodObject;
  /** 200 unless given. */
  readonly status?: number;
  handle(db: Database, asked: Asked): Promise<unknown>;
}

const ROUTES: readonly Route[] = [
  { method: 'GET', url: '/nic_tags', summary: 'all nic tags', handle: (db, { parameters }) => listNicTags(db, parameters) },
  { method: 'POST', url: '/nic_tags', summary: 'add a nic tag', handle: (db, { parameters }) => createNicTag(db, parameters) },
  { method: 'GET', url: '/nic_tags/:id', params: named, summary: 'one nic tag', handle: (db, { id }) => getNicTag(db, id) },
  { method: 'PUT', url: '/nic_tags/:id', params: named, summary: 'change a nic tag', handle: (db, { id, parameters }) => updateNicTag(db, id, parameters) },
  { method: 'DELETE', url: '/nic_tags/:id', params: named, summary: 'remove a nic tag', status: 204, handle: (db, { id }) => deleteNicTag(db, id) },

  { method: 'GET', url: '/networks', summary: 'networks', handle: async (db, { parameters }) => (await listNetworks(db, parameters)).map(networkObject) },
  { method: 'POST', url: '/networks', summary: 'add a network', handle: async (db, { parameters }) => networkObject(await createNetwork(db, parameters)) },
  { method: 'GET', url: '/networks/:id', params: named, summary: 'one network, by uuid or name', handle: async (db, { id }) => networkObject(await getNetwork(db, id)) },
  { method: 'PUT', url: '/networks/:id', params: named, summary: 'change a network', handle: async (db, { id, parameters }) => networkObject(await updateNetwork(db, id, parameters)) },
  { method: 'DELETE', url: '/networks/:id', params: named, summary: 'remove a network', status: 204, handle: (db, { id }) => deleteNetwork(db, id) },
  { method: 'POST', url: '/networks/:id/nics', params: named, summary: 'a nic with an address of the network or pool', handle: async (db, { id, parameters }) => nicObject(await provisionFromParameters(db, id, parameters)) },
  { method: 'GET', url: '/networks/:id/ips', params: named, summary: 'addresses that were ever used or reserved', handle: (db, { id, parameters }) => listIps(db, id, parameters) },
  { method: 'GET', url: '/networks/:id/ips/:ip', params: address, summary: 'one address', handle: (db, { id, ip }) => getIp(db, id, ip) },
  { method: 'PUT', url: '/networks/:id/ips/:ip', params: address, summary: 'reserve, assign or unassign an address', handle: (db, { id, ip, parameters }) => updateIp(db, { network: id, ip }, parameters) },
  { method: 'GET', url: '/search/ips', summary: 'an address in all networks that have it', handle: (db, { parameters }) => searchIps(db, parameters) },

  { method: 'GET', url: '/network_pools', summary: 'network pools', handle: async (db, { parameters }) => (await listPools(db, parameters)).map(poolObject) },
  { method: 'POST', url: '/network_pools', summary: 'add a network pool', handle: async (db, { parameters }) => poolObject(await createPool(db, parameters)) },
  { method: 'GET', url: '/network_pools/:id', params: named, summary: 'one network pool, by uuid or name', handle: async (db, { id }) => poolObject(await getPool(db, id)) },
  { method: 'PUT', url: '/network_pools/:id', params: named, summary: 'change a network pool', handle: async (db, { id, parameters }) => poolObject(await updatePool(db, id, parameters)) },
  { method: 'DELETE', url: '/network_pools/:id', params: named, summary: 'remove a network pool', status: 204, handle: (db, { id }) => deletePool(db, id) },

  { method: 'GET', url: '/nics', summary: 'nics', handle: async (db, { parameters }) => (await listNics(db, parameters)).map(nicObject) },
  { method: 'POST', url: '/nics', summary: 'add a nic; with network_uuid it gets an address', handle: async (db, { parameters }) => nicObject(await createNic(db, parameters)) },
  { method: 'GET', url: '/nics/:id', params: named, summary: 'one nic, by its MAC address without colons', handle: async (db, { id }) => nicObject(await getNic(db, id)) },
  { method: 'PUT', url: '/nics/:id', params: named, summary: 'change a nic', handle: async (db, { id, parameters }) => nicObject(await updateNic(db, id, parameters)) },
  { method: 'DELETE', url: '/nics/:id', params: named, summary: 'remove a nic and free its address', status: 204, handle: (db, { id }) => deleteNic(db, id) },
];

function asked(request: FastifyRequest): Asked {
  const { id = '', ip = '' } = request.params as { id?: string; ip?: string };
  const body = typeof request.body === 'object' && request.body !== null && !Array.isArray(request.body) ? request.body : {};
  return { id, ip, parameters: { ...(request.query as object), ...body } };
}

function answer(reply: FastifyReply, status: number, content: unknown): FastifyReply {
  return status === 204 ? reply.code(status).send() : reply.code(status).type('application/json').send(content);
}
