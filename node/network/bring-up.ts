import type { Node } from '../../host/config/node-config.ts';
import { declareNicTags } from '../../host/net/nic-tags.ts';
import { bootParameters } from '../../agent/sysinfo/boot-facts.ts';
import { applyNetworking, type AppliedNetworking, type ApplyOptions } from './apply-networking.ts';
import { keepNetworking, networkingForBoot, type BootSources, type NetworkingFound } from './networking-for-boot.ts';

export interface BroughtUp extends Pick<NetworkingFound, 'document' | 'from'> {
  readonly addresses: AppliedNetworking['addresses'];
  readonly problems: readonly string[];
}

/**
 * Bring this RAM-booted host onto the networks of this boot. On a node its pool then has the nic tags, and the document when it came with
 * the boot. Without any document nothing is changed.
 */
export async function bringUpNetwork({ node, ...sources }: Omit<BootSources, 'node' | 'parameters'> & { readonly node?: Node | undefined }, options: ApplyOptions = {}): Promise<BroughtUp> {
  const { document, from, problems } = await networkingForBoot({ node, parameters: await bootParameters(), ...sources });
  if (!document) return { document, from, addresses: [], problems };
  const applied = await applyNetworking(document, options);
  if (node) {
    await declareNicTags(node, applied.tags);
    if (from === 'boot module') await keepNetworking(node, document);
  }
  return { document, from, addresses: applied.addresses, problems: [...problems, ...applied.problems] };
}
