import { requireUuid } from './arguments.ts';
import type { Invocation } from './command.ts';

/** `vmadm console <uuid>`: ends with the status of the program that connects. */
export async function run(invocation: Invocation): Promise<number> {
  const uuid = requireUuid(invocation.command, invocation.operands);
  const engine = await invocation.engine();
  return invocation.runInteractively(await engine.consoleCommand(uuid));
}
