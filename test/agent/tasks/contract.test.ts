import { randomUUID } from 'node:crypto';
import { newSimulatedNode } from '../../../agent/simulated/node.ts';
import { testTaskContract } from '../../support/task-contract.ts';

testTaskContract('a simulated node', async () => {
  const { host, addImage } = newSimulatedNode({ uuid: randomUUID(), latency: 5 });
  const image = randomUUID();
  addImage(image, { type: 'lx-dataset' });
  return { host, image, close: async () => undefined };
});
