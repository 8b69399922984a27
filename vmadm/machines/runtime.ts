import { join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import { hostErrors } from '../../host/errors/host-errors.ts';
import { SOCKETS } from '../../host/qemu/machine.ts';
import type { MachineRuntime } from '../../host/qemu/process.ts';

/** How the host runs a machine. */
export function machineRuntime(node: Node, uuid: string): MachineRuntime {
  return { uuid, directory: join(node.runDirectory, 'machines', uuid), group: `${node.cgroup}/${uuid}` };
}

/** The command that connects this terminal to a machine's serial console; Ctrl-] leaves it. */
export function machineConsoleCommand({ directory }: MachineRuntime): [string, ...string[]] {
  const socket = join(directory, 'sockets', SOCKETS.console);
  if (!/^[A-Za-z0-9/_.-]+$/.test(socket)) throw hostErrors.UnsafePath({ path: socket, reason: 'socat cannot take it' });
  return ['socat', '-,rawer,escape=0x1d', `UNIX-CONNECT:${socket}`];
}
