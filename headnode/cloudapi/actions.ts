/** Actions on a machine. `triton` sends which one in the body, `smartdc` in the query (control-plane §7.4). */
import { z } from 'zod';
import { headErrors } from '../errors.ts';
import type { App } from '../http/app.ts';
import { paramsOf } from '../http/params.ts';
import { askerOf } from '../http/roles.ts';
import type { WireObject } from '../services.ts';
import { accountOf } from './authenticate.ts';
import { packageFor } from './catalogue.ts';
import { findLivingMachine, machineSchema } from './find-machine.ts';
import type { CloudApiServices } from './routes.ts';

const NAME = z.string().regex(/^[A-Za-z0-9][\w.-]{0,188}$/, 'must begin with a letter or digit and have at most 189 letters, digits and "_.-"');
const FIREWALL = 'a firewall of its own for a machine';

const actionSchema = z.discriminatedUnion('action', [
  z.object({ action: z.enum(['start', 'stop', 'reboot']) }),
  z.object({ action: z.literal('rename'), name: NAME }),
  z.object({ action: z.literal('resize'), package: z.string().min(1) }),
  z.object({ action: z.enum(['enable_deletion_protection', 'disable_deletion_protection']) }),
  z.object({ action: z.enum(['enable_firewall', 'disable_firewall']) }),
]);

export function routeActions(app: App, { vms, packages }: CloudApiServices): void {
  app.post('/:account/machines/:machine', { schema: { params: machineSchema } }, async (request, reply) => {
    const { uuid } = await findLivingMachine(vms, request);
    const asked = paramsOf(request, actionSchema);
    const change = async (properties: WireObject): Promise<unknown> => await vms.act(uuid, 'update', properties, askerOf(request));
    switch (asked.action) {
      case 'start':
      case 'stop':
      case 'reboot':
        await vms.act(uuid, asked.action, {}, askerOf(request));
        break;
      case 'rename':
        await change({ alias: asked.name });
        break;
      case 'resize':
        // VMAPI takes what changes from the package.
        await change({ billing_id: (await packageFor(packages, asked.package, accountOf(request).uuid)).uuid });
        break;
      case 'enable_deletion_protection':
      case 'disable_deletion_protection':
        await change({ indestructible_zoneroot: asked.action === 'enable_deletion_protection' });
        break;
      case 'enable_firewall':
      case 'disable_firewall':
        throw headErrors.NotSupported({ what: FIREWALL });
    }
    return reply.status(202).send();
  });
}
