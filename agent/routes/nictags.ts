import { z } from 'zod';
import { nicTagsOf } from '../../node/nictags/nic-tags.ts';
import type { RoutePlugin } from './route.ts';
import { ENGINE_ROLES, FAILURES, nothing } from './schemas.ts';

const roles = ENGINE_ROLES;
const tags = ['nictags'];
const name = z.string().max(1024);

/** Names of networks and the bridges that they stand for. */
export const nicTagRoutes: RoutePlugin = (app, services) => {
  app.route({
    method: 'GET',
    url: '/nictags',
    config: { roles },
    schema: {
      tags,
      summary: 'All nic tags of this node',
      response: { 200: z.array(z.object({ name, mac: z.string().optional(), link: z.string(), type: z.enum(['normal', 'etherstub']) })), ...FAILURES },
    },
    handler: () => nicTagsOf(services.node).list(),
  });

  app.route({
    method: 'POST',
    url: '/nictags',
    config: { roles: ['local'] },
    schema: {
      tags,
      summary: 'Add a nic tag and its bridge',
      body: z.object({ name, uplink: z.string().max(256).optional(), bridge: z.string().max(256).optional(), address: z.string().max(256).optional() }),
      response: { 200: nothing, ...FAILURES },
    },
    handler: async ({ body: { name: tag, ...how } }) => {
      await nicTagsOf(services.node).add(tag, how);
      return null;
    },
  });

  app.route({
    method: 'DELETE',
    url: '/nictags/:name',
    config: { roles: ['local'] },
    schema: {
      tags,
      summary: 'Delete a nic tag and the bridge that was made for it',
      params: z.object({ name }),
      querystring: z.object({ force: z.enum(['true', 'false']).default('false') }),
      response: { 200: nothing, ...FAILURES },
    },
    handler: async ({ params, query: { force } }) => {
      await nicTagsOf(services.node).remove(params.name, { force: force === 'true' });
      return null;
    },
  });
};
