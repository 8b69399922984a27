import { loadNode } from '../../host/config/node-config.ts';
import { withLock } from '../../host/lock/lock.ts';
import { identityErrors } from '../../agent/identity/errors.ts';
import { readIdentity } from '../../agent/identity/identity.ts';
import { joinHead } from '../../agent/identity/join.ts';
import { sysinfoOf } from '../../agent/sysinfo/sysinfo.ts';
import { nodeErrors } from '../errors.ts';
import { keepIdentity } from './keep-identity.ts';

export interface Joined {
  /** The head node's URL. */
  readonly head: string;
  /** When the certificate ends. */
  readonly until: Date;
}

/**
 * Join a head node. An agent that runs takes notice by itself. Images come from the head node first from then on.
 * @throws AlreadyJoined unless `again`; what `joinHead` throws. Nothing is changed then.
 */
export async function joinFleet({ token, again }: { readonly token: string; readonly again: boolean }): Promise<Joined> {
  if (process.getuid?.() !== 0) throw nodeErrors.NotRoot({ command: 'zonewright join' });
  const node = await loadNode();
  return withLock({ scope: node.paths.config, name: 'identity', action: 'zonewright join' }, async () => {
    const before = await readIdentity(node);
    if (before && !again) throw identityErrors.AlreadyJoined({ head: before.heads[0] ?? '' });
    const sysinfo = await sysinfoOf(node);
    const identity = await joinHead({ token, uuid: sysinfo.UUID, sysinfo });
    const head = await keepIdentity(node, identity);
    return { head, until: identity.details.notAfter };
  });
}
