import type { Node } from '../../host/config/node-config.ts';
import { readNicTags } from '../../host/net/nic-tags.ts';
import { vmErrors } from '../errors.ts';
import type { VmRecord } from '../payload/index.ts';

/** Refuse to take a running instance down when it could not come up again for want of a network. */
export async function requireNicTags(node: Node, record: VmRecord): Promise<void> {
  const tags = await readNicTags(node);
  const missing = record.nics.find(({ nic_tag }) => !Object.hasOwn(tags, nic_tag));
  if (missing) throw vmErrors.CannotRebootNicTag({ tag: missing.nic_tag });
}
