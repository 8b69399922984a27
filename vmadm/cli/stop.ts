import { vmErrors } from '../errors.ts';
import { requireUuid } from './arguments.ts';
import type { Invocation } from './command.ts';
import { say } from './say.ts';

/** `vmadm stop <uuid> [-F] [-t seconds]`. */
export async function run(invocation: Invocation): Promise<void> {
  const uuid = requireUuid(invocation.command, invocation.operands);
  const timeout = secondsOf(invocation.options['timeout']);
  const engine = await invocation.engine();
  const { was, outcome } = await engine.stop(uuid, { force: invocation.options['force'] === true, ...(timeout !== undefined && { timeout }) });
  say(invocation, outcome === 'already' ? `VM ${uuid} is already not 'running' (currently: ${was})` : `Successfully completed stop for VM ${uuid}`);
}

function secondsOf(timeout: unknown): number | undefined {
  if (timeout === undefined) return undefined;
  if (typeof timeout !== 'string' || !/^\d{1,6}$/.test(timeout)) throw vmErrors.Usage({ problem: `Invalid timeout: "${String(timeout)}"` });
  return Number(timeout);
}
