/** Snapshots of a machine: there are none yet. */
import { headErrors } from '../errors.ts';
import type { App } from '../http/app.ts';
import { findMachine, machineSchema } from './find-machine.ts';
import type { CloudApiServices } from './routes.ts';

const snapshotSchema = machineSchema.extend({ snapshot: machineSchema.shape.machine });
const SNAPSHOTS = 'taking snapshots of a machine';

export function routeSnapshots(app: App, { vms }: CloudApiServices): void {
  const all = '/:account/machines/:machine/snapshots';

  app.get(all, { schema: { params: machineSchema } }, async (request) => {
    await findMachine(vms, request);
    return [];
  });

  app.post(all, { schema: { params: machineSchema } }, async (request) => {
    await findMachine(vms, request);
    throw headErrors.NotSupported({ what: SNAPSHOTS });
  });

  app.all(`${all}/:snapshot`, { schema: { params: snapshotSchema } }, async (request) => {
    await findMachine(vms, request);
    throw headErrors.ResourceNotFound({ what: `snapshot ${request.params.snapshot}` });
  });
}
