import { run } from '../../host/run/run.ts';
import type { Node } from '../../host/config/node-config.ts';
import { openEngine } from '../../vmadm/open-engine.ts';

/** What became of one instance; each reports its own result. */
export interface ShutDown {
  readonly uuid: string;
  readonly outcome: string;
}

/** Seconds that a guest has, from when it is asked. */
const GUEST_SECONDS = 60;

/** Whether systemd is taking this host down, as opposed to somebody who stops a unit. */
export async function isGoingDown(): Promise<boolean> {
  const { stdout } = await run(['systemctl', 'is-system-running'], { acceptExitCodes: [0, 1, 2, 3, 4] });
  return stdout.trim() === 'stopping';
}

/**
 * Ask all guests that run to shut down, at the same time, and end those that take longer than a minute: whatever is left of them is
 * killed with the host. Those that boot with the node still do. It is done in this process: agents are about to end.
 */
export async function shutDownInstances(node: Node): Promise<ShutDown[]> {
  const engine = await openEngine({ node });
  const running = (await engine.list()).filter(({ state }) => state === 'running').map(({ uuid }) => uuid);
  return Promise.all(
    running.map(async (uuid) => {
      try {
        await engine.stop(uuid, { withNode: GUEST_SECONDS });
        return { uuid, outcome: 'has shut down' };
      } catch (error) {
        return { uuid, outcome: error instanceof Error ? error.message : String(error) };
      }
    }),
  );
}
