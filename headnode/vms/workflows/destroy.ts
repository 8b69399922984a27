import { isErrorCode } from '../../../host/errors/errors.ts';
import type { Placement, Workflow } from '../../services.ts';
import { isNoSuchVm, resultOf, type Nodes } from '../ask-node.ts';
import { markDestroyed, readVm } from '../store.ts';
import { runJobTask } from './task-of-job.ts';

/** How long a node that does not answer is asked again; then the VM stays, and its job says why. */
const PATIENCE_SECONDS = 600;

interface DestroyState {
  readonly uuid: string;
}

/** Destroying a VM: its addresses are free again when its node has confirmed that it is gone, not before. */
export function destroyWorkflow({ database, servers, networks, placement }: Nodes & { readonly placement: Placement }): Workflow {
  return {
    name: 'destroy',
    steps: [
      {
        name: 'machine_destroy',
        timeoutSeconds: 660,
        patienceSeconds: PATIENCE_SECONDS,
        async run(context) {
          const { uuid } = context.state as unknown as DestroyState;
          // Known only now: the job that creates it may have come before this one.
          const serverUuid = (await readVm(database, uuid))?.server_uuid ?? undefined;
          if (serverUuid === undefined) return { evidence: 'it is on no server' };
          try {
            const outcome = await runJobTask(servers, context, { task: 'machine_destroy', serverUuid, params: { uuid }, timeoutSeconds: 600 });
            if (isNoSuchVm(outcome)) return { evidence: `server ${serverUuid} does not have it` };
            resultOf(outcome, 'machine_destroy', serverUuid);
            return { evidence: `server ${serverUuid} destroyed it` };
          } catch (error) {
            // Operators made the head node forget the server, with all that was on it.
            if (isErrorCode(error, 'ServerNotFound')) return { evidence: `server ${serverUuid} is no more` };
            throw error;
          }
        },
      },
      {
        name: 'release',
        timeoutSeconds: 60,
        async run(context) {
          const { uuid } = context.state as unknown as DestroyState;
          await networks.releaseNics(uuid);
          await placement.release(uuid);
          await markDestroyed(database, uuid, { held: true });
          return { evidence: 'its addresses are free' };
        },
      },
    ],
  };
}
