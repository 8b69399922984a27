import type { Node } from '../../host/config/node-config.ts';
import { shutDownGuest } from '../../host/qemu/guest-agent.ts';
import { machineEnded } from '../../host/qemu/process.ts';
import { control } from './control.ts';
import { agentSocket, hasGuestAgent } from './guest-agent.ts';
import { machineRuntime } from './runtime.ts';

/** Seconds that a guest may look at its power button before its agent is told as well. */
const BUTTON_SECONDS = 30;

/**
 * Press the machine's power button and wait until it has ended, for so many seconds. A guest that does nothing about the
 * button is told by its agent, where it has one. A machine whose monitor does not answer is left to those who end it.
 */
export async function askToShutDown(node: Node, uuid: string, seconds: number): Promise<void> {
  const runtime = machineRuntime(node, uuid);
  const first = Math.min(BUTTON_SECONDS, seconds / 2);
  await control(node, uuid, (qmp) => qmp.execute('system_powerdown')).catch(() => undefined);
  if (await machineEnded(runtime, first)) return;
  await tellGuest(node, uuid).catch(() => undefined);
  await machineEnded(runtime, seconds - first);
}

async function tellGuest(node: Node, uuid: string): Promise<void> {
  if (await control(node, uuid, hasGuestAgent)) await shutDownGuest(agentSocket(node, uuid));
}
