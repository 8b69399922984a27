import { constants } from 'node:os';
import type { Node } from '../../host/config/node-config.ts';
import { isSystemError } from '../../host/errors/errors.ts';
import { initPid } from '../../host/lxc/zone.ts';
import { vmErrors } from '../errors.ts';
import { zoneRuntime } from '../instance/live.ts';
import { initOf } from '../../host/cgroup/init.ts';
import { machineRuntime } from '../machines/runtime.ts';
import { isMachine, recordOf } from './context.ts';

/** Send a signal to an instance's init. @returns its full name. @throws UnknownSignal, NoInit. Reference §1.2 */
export async function killVm(node: Node, uuid: string, wanted: string): Promise<string> {
  const record = await recordOf(node, uuid);
  const signal = signalNamed(wanted);
  if (!signal) throw vmErrors.UnknownSignal({ signal: wanted });
  const pid = isMachine(record) ? await initOf(machineRuntime(node, uuid).group) : await initPid(zoneRuntime(node, uuid));
  if (pid === undefined) throw vmErrors.NoInit({ uuid });
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (isSystemError(error, 'ESRCH')) throw vmErrors.NoInit({ uuid }, { cause: error });
    throw error;
  }
  return signal;
}

function signalNamed(wanted: string): NodeJS.Signals | undefined {
  const entries = Object.entries(constants.signals) as Array<[NodeJS.Signals, number]>;
  const upper = wanted.toUpperCase();
  const name = upper.startsWith('SIG') ? upper : `SIG${upper}`;
  return entries.find(([signal, number]) => signal === name || String(number) === wanted)?.[0];
}
