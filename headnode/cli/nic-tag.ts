import type { WireObject } from '../services.ts';
import { askHead } from '../ask-head.ts';
import { textOf } from './command.ts';
import { nounCommand, shownList } from './verbs.ts';

export const nicTagCommand = nounCommand({
  name: 'nic-tag',
  summary: 'Names of physical networks, the same on all nodes',
  options: { mtu: { type: 'string', value: 'BYTES', summary: 'largest packet, 1500 to 9000 (default: 1500)' } },
  verbs: [
    { name: 'list', run: async (asked) => shownList(asked, await askHead(asked.directory, { method: 'GET', path: '/nic_tags' }), { UUID: 'uuid', NAME: 'name', MTU: 'mtu' }) },
    {
      name: 'add',
      operands: '<name>',
      operandCount: [1, 1],
      options: ['mtu'],
      async run(asked) {
        const tag = await askHead<WireObject>(asked.directory, { method: 'POST', path: '/nic_tags', body: { name: asked.operands[0], mtu: textOf(asked, 'mtu') } });
        return asked.values['json'] ? JSON.stringify(tag, null, 2) : String(tag['uuid']);
      },
    },
    {
      name: 'delete',
      operands: '<name>',
      operandCount: [1, 1],
      async run({ directory, operands: [name = ''] }) {
        await askHead(directory, { method: 'DELETE', path: `/nic_tags/${encodeURIComponent(name)}` });
        return '';
      },
    },
  ],
  examples: [['zonewright head nic-tag add storage --mtu 9000', 'tags that a node names when it joins are added by themselves']],
});
