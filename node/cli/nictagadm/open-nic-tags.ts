import { remoteNicTags } from '../../../agent/client/remote-nic-tags.ts';
import { reachAgent } from '../../../agent/client/local-agent.ts';
import { loadNode } from '../../../host/config/node-config.ts';
import type { NicTags } from '../../nictags/nic-tags.ts';

/** The nic tags of this node, by its agent when one runs. @throws NodeNotReady, NodeConfigInvalid */
export async function openNicTags(): Promise<NicTags> {
  const node = await loadNode();
  const transport = await reachAgent(node);
  return transport ? remoteNicTags(transport) : (await import('../../nictags/nic-tags.ts')).nicTagsOf(node);
}
