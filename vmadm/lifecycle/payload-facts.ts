import type { Node } from '../../host/config/node-config.ts';
import { dataset, imageUuid } from '../../host/config/units.ts';
import { datasetExists } from '../../host/zfs/zfs.ts';
import { readNicTags } from '../../host/net/nic-tags.ts';
import { findImage } from '../../imgadm/index.ts';
import type { PayloadFacts } from '../payload/index.ts';

/** What payloads are checked against: the node's images, pool and networks. */
export async function payloadFacts(node: Node): Promise<PayloadFacts> {
  const tags = await readNicTags(node);
  return {
    findImage: async (uuid) => (await findImage(node, imageUuid(uuid)))?.manifest,
    poolExists: async (name) => name === node.pool,
    nicTagExists: (tag) => Object.hasOwn(tags, tag),
    defaultPool: node.pool,
    datasetExists: (uuid) => datasetExists(dataset(node.pool, uuid)),
  };
}
