import type { Node } from '../../host/config/node-config.ts';
import { withLock } from '../../host/lock/lock.ts';
import { keepIdentity } from '../join/keep-identity.ts';
import type { Enrolment } from './enrol.ts';

/** Keep what the head node issued in the node's pool, durably: the node is one of the fleet from then on, through every reboot. */
export async function saveEnrolment(node: Node, { identity }: Pick<Enrolment, 'identity'>): Promise<void> {
  await withLock({ scope: node.paths.config, name: 'identity', action: 'joining a head node' }, () => keepIdentity(node, identity));
}
