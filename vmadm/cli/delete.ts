import { requireUuid } from './arguments.ts';
import type { Invocation } from './command.ts';
import { say, withPrefix } from './say.ts';

/** `vmadm delete <uuid>`. */
export async function run(invocation: Invocation): Promise<void> {
  const uuid = requireUuid(invocation.command, invocation.operands);
  const engine = await invocation.engine();
  await withPrefix(`Failed to delete VM ${uuid}: `, () => engine.delete(uuid));
  say(invocation, `Successfully deleted VM ${uuid}`);
}
