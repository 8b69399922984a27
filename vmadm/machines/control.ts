import { join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import { SOCKETS } from '../../host/qemu/machine.ts';
import { withQmp, type Qmp } from '../../host/qemu/qmp.ts';
import { machineRuntime } from './runtime.ts';

/** Say something to a running machine's monitor. @throws QmpFailed */
export function control<Result>(node: Node, uuid: string, work: (qmp: Qmp) => Promise<Result>): Promise<Result> {
  return withQmp(join(machineRuntime(node, uuid).directory, 'sockets', SOCKETS.control), work);
}
