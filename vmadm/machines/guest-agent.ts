import { join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import { SOCKETS } from '../../host/qemu/machine.ts';
import type { Qmp } from '../../host/qemu/qmp.ts';
import { machineRuntime } from './runtime.ts';

/** Whether a program in the guest has the agent's port open. */
export async function hasGuestAgent(qmp: Qmp): Promise<boolean> {
  const devices = (await qmp.execute('query-chardev')) as ReadonlyArray<{ readonly label?: string; readonly 'frontend-open'?: boolean }>;
  return devices.some((device) => device.label === 'agent' && device['frontend-open'] === true);
}

/** The socket of a machine's guest agent. */
export function agentSocket(node: Node, uuid: string): string {
  return join(machineRuntime(node, uuid).directory, 'sockets', SOCKETS.guestAgent);
}
