/**
 * An agent of a simulated node: it joins by a token, speaks to its head node and does its tasks by the real agent's code; only the
 * node below it exists in memory alone.
 */
import { openHeadClient } from '../../agent/head/client.ts';
import { openHeadLink, type Timings } from '../../agent/head/link.ts';
import { joinHead } from '../../agent/identity/join.ts';
import type { Identity } from '../../agent/identity/identity.ts';
import { openRevocations } from '../../agent/identity/revocations.ts';
import { listenMtls } from '../../agent/listeners/mtls.ts';
import type { Log } from '../../agent/log.ts';
import { newMetrics } from '../../agent/metrics/metrics.ts';
import { buildApp } from '../../agent/server/app.ts';
import type { Services } from '../../agent/server/services.ts';
import { newSimulatedNode, type SimulatedNode, type SimulatedNodeOptions } from '../../agent/simulated/node.ts';
import { newMemoryStore, type RecordStore } from '../../agent/tasks/record.ts';
import { openTasks } from '../../agent/tasks/tasks.ts';

export interface SimulatedAgent {
  readonly uuid: string;
  readonly identity: Identity;
  readonly node: SimulatedNode;
  isConnected(): boolean;
  /** As if its process were killed: it answers nobody and says nothing. */
  close(): Promise<void>;
}

export interface SimulatedAgentOptions extends SimulatedNodeOptions {
  /** A join token, unless it has joined before. */
  readonly token?: string;
  readonly identity?: Identity;
  /** A node that an earlier agent had. */
  readonly node?: SimulatedNode;
  /** Where its tasks are kept; in memory unless given. */
  readonly store?: RecordStore;
  readonly timings?: Partial<Timings>;
  /** Called with the milliseconds that the head node took for each message. */
  onSpoken?(path: string, milliseconds: number): void;
}

/** An agent that says nothing in its log. */
export const SILENT: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, failure: () => undefined, child: () => SILENT };

export async function openSimulatedAgent(options: SimulatedAgentOptions): Promise<SimulatedAgent> {
  const { uuid, token, timings, onSpoken } = options;
  const node = options.node ?? newSimulatedNode({ adminIp: ADDRESS, ...options });
  const identity = options.identity ?? (await joinHead({ token: token ?? '', uuid, sysinfo: await node.facts.sysinfo() }));
  const revocations = await openRevocations();
  const tasks = await openTasks({ host: node.host, store: options.store ?? newMemoryStore(), log: SILENT });
  // Of all routes only those of tasks are for a head node, and they use nothing else.
  const app = await buildApp({ log: SILENT, tasks, metrics: newMetrics(() => []) } as unknown as Services);
  const listener = await listenMtls({ identity, address: ADDRESS, port: 0, log: SILENT, isRevoked: revocations.has, handle: (request, response) => app.routing(request, response) });
  const client = openHeadClient({ identity, isRevoked: revocations.has });
  const link = openHeadLink({
    facts: node.facts,
    client: {
      async send(request) {
        const began = performance.now();
        const response = await client.send(request);
        onSpoken?.(request.path, performance.now() - began);
        return response;
      },
    },
    log: SILENT,
    listensAt: { address: ADDRESS, port: listener.port },
    onRevoked: (fingerprints) => void revocations.replace(fingerprints),
    ...(timings ? { timings } : {}),
  });
  return {
    uuid,
    identity,
    node,
    isConnected: link.isConnected,
    async close() {
      await Promise.all([link.close(), listener.close()]);
      await client.close();
      await app.close();
    },
  };
}

const ADDRESS = '127.0.0.1';
