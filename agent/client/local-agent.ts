import { join } from 'node:path';
import { loadNode, type Node } from '../../host/config/node-config.ts';
import type { Engine } from '../../vmadm/engine.ts';
import { agentErrors } from '../errors.ts';
import type { FollowOptions, StreamEvent } from './events.ts';
import { remoteEngine, type RemoteEngineOptions } from './remote-engine.ts';
import { localTransport, type Transport } from './transport.ts';

/** Where the agent of a node listens. */
export function agentSocket(node: Pick<Node, 'runDirectory'>): string {
  return join(node.runDirectory, 'agent.sock');
}

/**
 * The agent of this node, when one runs. `ZONEWRIGHT_AGENT=off` does without it.
 * @throws NodeNotReady, NodeConfigInvalid
 */
export async function reachAgent(node: Pick<Node, 'runDirectory'>): Promise<Transport | undefined> {
  return process.env['ZONEWRIGHT_AGENT'] === 'off' ? undefined : localTransport(agentSocket(node));
}

/** The engine of this node's agent; undefined when none runs, and the caller's own process does the work. */
export async function agentEngine(options: RemoteEngineOptions): Promise<Engine | undefined> {
  const transport = await reachAgent(await loadNode());
  return transport && remoteEngine(transport, options);
}

/** What follows the events of this node's agent. @throws AgentNeeded when none runs */
export async function followLocalEvents(): Promise<(options: Omit<FollowOptions, 'connect'>) => AsyncIterable<StreamEvent>> {
  const node = await loadNode();
  const transport = await reachAgent(node);
  if (!transport) throw agentErrors.AgentNeeded({ verb: 'events' });
  const { followEvents } = await import('./events.ts');
  return (options) => followEvents(transport, { ...options, connect: () => reachAgent(node) });
}
