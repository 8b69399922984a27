import { nodeTaskHost } from '../../../agent/tasks/node-host.ts';
import { openEngine } from '../../../vmadm/open-engine.ts';
import { scratchNode } from '../../support/scratch-node.ts';
import { minimalImage } from '../../support/seed-images.ts';
import { testTaskContract } from '../../support/task-contract.ts';

testTaskContract('a real node', async () => {
  const node = await scratchNode();
  const image = (await minimalImage(node)).lx;
  return { host: nodeTaskHost(node, { openEngine, leave: () => undefined }), image, close: () => node.remove() };
});
