import { call } from '../../agent/client/call.ts';
import { reachAgent } from '../../agent/client/local-agent.ts';
import { remoteEngine } from '../../agent/client/remote-engine.ts';
import type { Node } from '../../host/config/node-config.ts';
import { findPool } from '../../host/zfs/pool.ts';
import type { VmObject } from '../../vmadm/engine.ts';

const PATIENCE_SECONDS = 30;

/**
 * What this node lacks to be healthy: its pool, its agent, instances. None is needed that was deleted or told not to boot since.
 * @param instances those that ran before; without them all that boot with the node
 */
export async function missingForHealth(node: Node, instances: readonly string[] | undefined): Promise<string[]> {
  const pool = await findPool(node.pool);
  if (pool?.health !== 'ONLINE' && pool?.health !== 'DEGRADED') return [`the pool ${node.pool} is ${pool?.health ?? 'not imported'}`];
  try {
    const agent = await reachAgent(node);
    if (!agent) return ['no agent runs'];
    await call(agent, { method: 'GET', path: '/healthz', patience: PATIENCE_SECONDS });
    return notRunning(await remoteEngine(agent).list(), instances);
  } catch (error) {
    return [`the agent does not answer: ${error instanceof Error ? error.message : String(error)}`];
  }
}

/** What is said of instances that should run and do not. */
export function notRunning(vms: readonly VmObject[], instances: readonly string[] | undefined): string[] {
  const wanted = vms.filter(({ uuid, autoboot }) => autoboot === true && (instances?.includes(uuid) ?? true));
  return wanted.filter(({ state }) => state !== 'running').map(({ uuid, state }) => `instance ${uuid} is ${String(state)}`);
}
