import { randomUUID } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { z } from 'zod';
import { vmErrors } from '../../vmadm/errors.ts';
import type { NumberedEvent } from '../events/ring.ts';
import type { Services } from '../server/services.ts';
import type { RoutePlugin } from './route.ts';
import { ENGINE_ROLES, FAILURES } from './schemas.ts';

/** An empty line says that the stream is alive when nothing happens. */
const ALIVE_MILLISECONDS = 30_000;
/** What may wait for a slow reader; one that is slower loses its connection, and goes on from its cursor. */
const MOST_WAITING = 4 * 1024 * 1024;

/** What happens to instances, as it happens. */
export const eventRoutes: RoutePlugin = (app, services) => {
  app.route({
    method: 'GET',
    url: '/events',
    config: { roles: ENGINE_ROLES },
    schema: {
      tags: ['events'],
      summary: 'One JSON object per line for everything that happens to instances, for as long as the caller reads',
      description:
        'Each has a `cursor`. Without `after` the first line is of the type `ready`; events follow that happen from then on. ' +
        'With `after` all events after that cursor follow, none twice and none left out, or the answer is 410 when they are not kept any more. Empty lines say that the stream is alive.',
      produces: ['application/x-ndjson'],
      querystring: z.object({
        after: z.string().max(128).optional().meta({ description: 'the cursor of the last event that was read' }),
        vms: z.string().max(64 * 1024).optional().meta({ description: 'only events of these instances: uuids, with commas between' }),
        ready: z.enum(['full', 'brief']).default('brief').meta({ description: 'full: `ready` carries all instances, as JSON in a string' }),
      }),
      response: { 200: z.string().meta({ description: 'application/x-ndjson' }), ...FAILURES },
    },
    async handler({ query: { after, vms, ready } }, reply) {
      await services.index.settled();
      const wanted = vms === undefined ? undefined : new Set(vms.split(','));
      if (after === undefined) for (const uuid of wanted ?? []) if (!services.index.get(uuid)) throw vmErrors.VmNotFound({ uuid });
      // From here to the listener nothing waits, so that no event falls between.
      const missed = after === undefined ? [] : services.events.after(after);
      const lines = new PassThrough();
      if (after === undefined) lines.write(`${JSON.stringify(readyEvent(services, wanted, ready === 'full'))}\n`);
      const write = ({ uuid, line }: NumberedEvent): void => {
        if (wanted && !wanted.has(uuid)) return;
        lines.write(`${line}\n`);
        if (lines.writableLength > MOST_WAITING) lines.destroy();
      };
      missed.forEach(write);
      const unlisten = services.events.listen(write);
      const alive = setInterval(() => lines.write('\n'), ALIVE_MILLISECONDS);
      lines.on('error', () => undefined).on('close', () => (unlisten(), clearInterval(alive)));
      return reply.type('application/x-ndjson').send(lines as never);
    },
  });
};

/** The first event of a stream (reference §3.7). */
function readyEvent({ index, events }: Services, wanted: ReadonlySet<string> | undefined, full: boolean): Readonly<Record<string, unknown>> {
  const vms = full ? { vms: JSON.stringify(index.list().filter(({ uuid }) => !wanted || wanted.has(uuid))) } : {};
  return { type: 'ready', date: new Date().toISOString(), uuid: randomUUID(), ...vms, cursor: events.cursor() };
}
