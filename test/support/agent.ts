import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Node } from '../../host/config/node-config.ts';
import { localTransport, type Transport } from '../../agent/client/transport.ts';
import { agentSocket } from '../../agent/client/local-agent.ts';

export interface RunningAgent {
  readonly pid: number;
  /** Resolves with what ended it. */
  readonly ended: Promise<{ readonly status: number | null; readonly signal: NodeJS.Signals | null }>;
  /** End it as a unit's stop does, and wait for that. */
  stop(): Promise<void>;
  /** End it as a power cut does, and wait for that. */
  kill(): Promise<void>;
}

type Configured = Node & { readonly configPath: string };

/** Start an agent that stays, as its unit does, and wait until it answers. What it logs is in `<run>/stay.log`. */
export async function startAgent(node: Configured, environment: Readonly<Record<string, string>> = {}, args: readonly string[] = []): Promise<RunningAgent> {
  const log = await open(join(node.runDirectory, 'stay.log'), 'a');
  const program = join(import.meta.dirname, '../../bin/zonewright.ts');
  const child = spawn(process.execPath, [program, 'agent', '--stay', ...args], {
    env: { PATH: process.env['PATH'] ?? '', ZONEWRIGHT_NODE: node.configPath, ...environment },
    stdio: ['ignore', log.fd, log.fd],
    detached: true,
  });
  await log.close();
  const ended = once(child, 'exit').then(([status, signal]) => ({ status: status as number | null, signal: signal as NodeJS.Signals | null }));
  await answering(node, child);
  return {
    pid: child.pid ?? 0,
    ended,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** A transport to the agent of a node, which must run. */
export async function transportTo(node: Node): Promise<Transport> {
  const transport = await localTransport(agentSocket(node));
  if (!transport) throw new Error('no agent answers');
  return transport;
}

async function answering(node: Node, child: ChildProcess): Promise<void> {
  for (let tries = 0; child.exitCode === null && child.signalCode === null && tries < 1200; tries++) {
    const transport = await localTransport(agentSocket(node));
    transport?.close();
    if (transport) return;
    await sleep(50);
  }
  throw new Error(`the agent did not come up: exit ${child.exitCode ?? child.signalCode ?? 'none'}; see ${node.runDirectory}/stay.log`);
}
