import type { WireObject } from '../services.ts';
import { askHead } from '../ask-head.ts';
import { textOf } from './command.ts';
import { nounCommand, shownList, type VerbInvocation } from './verbs.ts';

const COLUMNS = { UUID: 'uuid', NAME: 'name', FAMILY: 'family', 'NIC TAGS': 'nic_tags_present', NETWORKS: 'networks' };

export const networkPoolCommand = nounCommand({
  name: 'network-pool',
  summary: 'Networks that stand in for each other',
  options: {
    owners: { type: 'string', value: 'UUID,…', summary: 'only these accounts may use it' },
    description: { type: 'string', value: 'TEXT', summary: 'what it is for' },
  },
  verbs: [
    { name: 'list', run: async (asked) => shownList(asked, await askHead(asked.directory, { method: 'GET', path: '/network_pools' }), COLUMNS) },
    { name: 'add', operands: '<name> <network>...', operandCount: [2, 65], options: ['owners', 'description'], run: add },
    { name: 'delete', operands: '<uuid or name>', operandCount: [1, 1], run: remove },
  ],
  examples: [['zonewright head network-pool add external external-a external-b', 'addresses come from external-a until it is full']],
});

async function add(asked: VerbInvocation): Promise<string> {
  const [name, ...members] = asked.operands;
  const networks = await Promise.all(members.map((member) => askHead<WireObject>(asked.directory, { method: 'GET', path: `/networks/${encodeURIComponent(member)}` })));
  const pool = await askHead<WireObject>(asked.directory, {
    method: 'POST',
    path: '/network_pools',
    body: { name, networks: networks.map(({ uuid }) => uuid), owner_uuids: textOf(asked, 'owners'), description: textOf(asked, 'description') },
  });
  return asked.values['json'] ? JSON.stringify(pool, null, 2) : String(pool['uuid']);
}

async function remove({ directory, operands: [name = ''] }: VerbInvocation): Promise<string> {
  await askHead(directory, { method: 'DELETE', path: `/network_pools/${encodeURIComponent(name)}` });
  return '';
}
