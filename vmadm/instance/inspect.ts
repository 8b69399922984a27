/** What is asked of an instance that runs. */
import type { Node } from '../../host/config/node-config.ts';
import { consoleCommand } from '../../host/lxc/zone.ts';
import { vmErrors } from '../errors.ts';
import { isMachine, recordOf } from '../lifecycle/context.ts';
import { machineConsoleCommand, machineRuntime } from '../machines/runtime.ts';
import { zoneRuntime } from './live.ts';
import { stateOf, viewHost } from './state.ts';

/** What a machine tells of itself; zones have nothing to tell beyond `get` (reference §1.2). @throws InfoNeedsRunning, NoInfoTypes, UnknownInfoType */
export async function infoOf(node: Node, uuid: string, types: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const record = await recordOf(node, uuid);
  const { state } = await stateOf(node, record, await viewHost(node));
  if (state !== 'running' && state !== 'stopping') throw vmErrors.InfoNeedsRunning({ state });
  if (!isMachine(record)) throw vmErrors.NoInfoTypes({ brand: record.brand });
  const { machineInfo } = await import('../machines/info.ts');
  return machineInfo(node, record, types);
}

/** The command that connects this terminal to a console. @throws ConsoleNeedsRunning */
export async function consoleOf(node: Node, uuid: string): Promise<readonly [string, ...string[]]> {
  const record = await recordOf(node, uuid);
  const { state } = await stateOf(node, record, await viewHost(node));
  if (state !== 'running') throw vmErrors.ConsoleNeedsRunning({ state });
  return isMachine(record) ? machineConsoleCommand(machineRuntime(node, uuid)) : consoleCommand(zoneRuntime(node, uuid));
}
