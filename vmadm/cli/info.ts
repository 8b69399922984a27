import { requireUuid } from './arguments.ts';
import type { Invocation } from './command.ts';
import { printJson, withPrefix } from './say.ts';

/** `vmadm info <uuid> [type[,type…]]…` */
export async function run(invocation: Invocation): Promise<void> {
  const uuid = requireUuid(invocation.command, invocation.operands);
  const types = invocation.operands.slice(1).flatMap((operand) => operand.split(',')).filter((type) => type !== '');
  const engine = await invocation.engine();
  const asked = types.length > 0 ? types : ['all'];
  printJson(invocation, await withPrefix(`Unable to get VM info for VM ${uuid}: `, () => engine.info(uuid, asked)));
}
