import type { Node } from '../../host/config/node-config.ts';
import { bootInstances } from '../../node/boot/boot-instances.ts';
import type { Engine } from '../../vmadm/engine.ts';
import type { Log } from '../log.ts';

/** Boot what shall run with the node, a few at a time; nothing when that was done since the host came up. */
export async function autoboot(node: Node, engine: Engine, log: Log): Promise<void> {
  const booted = await bootInstances({ node, engine });
  for (const { uuid, outcome, failed } of booted) {
    if (failed) log.warn(`not booted: ${outcome}`, { vm_uuid: uuid });
    else log.info(outcome, { vm_uuid: uuid });
  }
}
