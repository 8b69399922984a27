import { z } from 'zod';
import type { VmObject } from '../../vmadm/engine.ts';
import { formatTable, parseFields, parseSort } from '../../vmadm/table/table.ts';
import type { RoutePlugin } from './route.ts';
import { ENGINE_ROLES, FAILURES } from './schemas.ts';

const words = z.string().min(1).max(4096);
const flag = z.enum(['true', 'false']).transform((text) => text === 'true');

/** The query of a table, as a client spells it. */
const tableSchema = z.object({
  order: words.meta({ description: 'fields, with commas between' }),
  sort: words.meta({ description: 'fields, with commas between; a "-" before one turns its order round' }),
  parsable: flag.default(false),
  header: flag.optional(),
});

/** What `vmadm list` prints: a thousand instances are a table here and text for a client, which then starts fast. */
export const tableRoutes: RoutePlugin = (app, services) => {
  let kept: { readonly vms: readonly VmObject[]; readonly asked: string; readonly text: string } | undefined;

  app.route({
    method: 'GET',
    url: '/tables/vms',
    config: { roles: ENGINE_ROLES },
    schema: { tags: ['vms'], summary: 'All instances as a table', querystring: tableSchema, produces: ['text/plain'], response: { 200: z.string(), ...FAILURES } },
    async handler({ query }, reply) {
      await services.index.settled();
      const [vms, asked] = [services.index.list(), JSON.stringify(query)];
      if (kept?.vms !== vms || kept.asked !== asked) {
        const text = formatTable(vms, { fields: parseFields(query.order), sort: parseSort(query.sort), parsable: query.parsable, header: query.header });
        kept = { vms, asked, text };
      }
      return reply.type('text/plain; charset=utf-8').send(kept.text);
    },
  });
};
