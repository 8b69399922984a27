import { run } from '../../host/run/run.ts';
import type { Node } from '../../host/config/node-config.ts';
import type { Engine } from '../../vmadm/engine.ts';
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
 * killed with the host. Those that boot with the node still do.
 * @param by the engine to do it with; it works in this process, since agents end too
 */
export async function shutDownInstances(node: Node, by?: Engine): Promise<ShutDown[]> {
  const engine = by ?? (await openEngine({ node }));
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
