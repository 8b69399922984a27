import { requireUuid } from './arguments.ts';
import type { Invocation } from './command.ts';
import { say } from './say.ts';

/** `vmadm reboot <uuid> [-F]`. */
export async function run(invocation: Invocation): Promise<void> {
  const uuid = requireUuid(invocation.command, invocation.operands);
  await (await invocation.engine()).reboot(uuid, { force: invocation.options['force'] === true });
  say(invocation, `Successfully completed reboot for VM ${uuid}`);
}
