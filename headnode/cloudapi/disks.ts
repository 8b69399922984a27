/** Disks of a machine with hardware of its own. */
import { headErrors } from '../errors.ts';
import type { App } from '../http/app.ts';
import type { Vm, WireObject } from '../services.ts';
import { findMachine, machineSchema } from './find-machine.ts';
import { toDisk } from './machine-object.ts';
import type { CloudApiServices } from './routes.ts';

const diskSchema = machineSchema.extend({ disk: machineSchema.shape.machine });
const CHANGES = 'changing the disks of a machine';

export function routeDisks(app: App, { vms }: CloudApiServices): void {
  app.get('/:account/machines/:machine/disks', { schema: { params: machineSchema } }, async (request) => disksOf(await findMachine(vms, request)));

  app.get('/:account/machines/:machine/disks/:disk', { schema: { params: diskSchema } }, async (request) => {
    const disk = disksOf(await findMachine(vms, request)).find(({ id }) => id === request.params.disk);
    if (!disk) throw headErrors.ResourceNotFound({ what: `disk ${request.params.disk}` });
    return disk;
  });

  for (const [method, url] of [['POST', '/:account/machines/:machine/disks'], ['POST', '/:account/machines/:machine/disks/:disk'], ['DELETE', '/:account/machines/:machine/disks/:disk']] as const) {
    app.route({ method, url, schema: { params: machineSchema }, handler: async (request) => {
      await findMachine(vms, request);
      throw headErrors.NotSupported({ what: CHANGES });
    } });
  }
}

function disksOf(vm: Vm): WireObject[] {
  return ((vm['disks'] ?? []) as readonly WireObject[]).map(toDisk);
}
