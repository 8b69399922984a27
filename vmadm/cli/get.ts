import { requireUuid } from './arguments.ts';
import type { Invocation } from './command.ts';
import { printJson } from './say.ts';

/** `vmadm get <uuid>`: the whole instance as JSON. */
export async function run(invocation: Invocation): Promise<void> {
  const uuid = requireUuid(invocation.command, invocation.operands);
  printJson(invocation, await (await invocation.engine()).get(uuid));
}
