/** Which instances ran when this host was last told to go down: what a trial has to bring back, also one that a head node orders. */
import { join } from 'node:path';
import { z } from 'zod';
import { agentEngine } from '../../agent/client/local-agent.ts';
import type { Node } from '../../host/config/node-config.ts';
import { readFileIfPresent, writeFileAtomically } from '../../host/files/atomic.ts';
import { openEngine } from '../../vmadm/open-engine.ts';
import type { VmObject } from '../../vmadm/engine.ts';

const noteSchema = z.object({ v: z.literal(1), instances: z.array(z.string()), date: z.string() });

/** Instances that run now and boot with the node. */
export async function runningInstances(): Promise<string[]> {
  const engine = (await agentEngine({})) ?? (await openEngine());
  return runningOf(await engine.list());
}

/** Those of a list that run and boot with the node. */
export function runningOf(vms: readonly VmObject[]): string[] {
  return vms.filter(({ autoboot, state }) => autoboot === true && state === 'running').map(({ uuid }) => uuid);
}

/** Note them, for the next boot. It would survive a power cut when this returns. @returns how many there are */
export async function noteRunning(node: Node): Promise<number> {
  const instances = await runningInstances();
  await writeFileAtomically(notePath(node), `${JSON.stringify({ v: 1, instances, date: new Date().toISOString() })}\n`, { durable: true });
  return instances.length;
}

/** The last note; undefined when there is none since a date, or it is damaged. */
export async function readNote(node: Node, since = ''): Promise<string[] | undefined> {
  const text = await readFileIfPresent(notePath(node));
  if (text === undefined) return undefined;
  try {
    const { instances, date } = noteSchema.parse(JSON.parse(text));
    return date > since ? instances : undefined;
  } catch {
    return undefined;
  }
}

function notePath(node: Node): string {
  return join(node.paths.config, 'running-instances.json');
}
