import { vmErrors } from '../errors.ts';
import { requireUuid } from './arguments.ts';
import type { Invocation } from './command.ts';
import { say } from './say.ts';

/** `vmadm sysrq <uuid> nmi|screenshot`. */
export async function run(invocation: Invocation): Promise<void> {
  const uuid = requireUuid(invocation.command, invocation.operands);
  const type = invocation.operands[1] ?? '';
  if (type !== 'nmi' && type !== 'screenshot') throw vmErrors.Usage({ problem: `Invalid sysrq type: ${type}` });
  await (await invocation.engine()).sysrq(uuid, type);
  say(invocation, type === 'nmi' ? `Sent NMI to VM ${uuid}` : `Sent screenshot sysrq to VM ${uuid}`);
}
