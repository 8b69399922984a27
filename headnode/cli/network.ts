import { formatAddress, parseSubnet } from '../networks/addresses.ts';
import type { WireObject } from '../services.ts';
import { askHead } from '../ask-head.ts';
import { textOf } from './command.ts';
import { nounCommand, shownList, type VerbInvocation } from './verbs.ts';

const COLUMNS = { UUID: 'uuid', NAME: 'name', SUBNET: 'subnet', 'NIC TAG': 'nic_tag', VLAN: 'vlan_id', FIRST: 'provision_start_ip', LAST: 'provision_end_ip', GATEWAY: 'gateway' };
const IP_COLUMNS = { IP: 'ip', RESERVED: 'reserved', FREE: 'free', 'BELONGS TO': 'belongs_to_type', UUID: 'belongs_to_uuid' };
const NEW = ['nic-tag', 'vlan', 'start', 'end', 'gateway', 'resolvers', 'owners', 'mtu', 'description'];

export const networkCommand = nounCommand({
  name: 'network',
  summary: 'Networks whose addresses the head node gives out',
  options: {
    'nic-tag': { type: 'string', value: 'TAG', summary: 'the nic tag that it is on' },
    vlan: { type: 'string', value: 'ID', summary: 'its VLAN (default: 0, untagged)' },
    start: { type: 'string', value: 'IP', summary: 'first address to give out (default: the second of the subnet)' },
    end: { type: 'string', value: 'IP', summary: 'last address to give out (default: the last but one of the subnet)' },
    gateway: { type: 'string', value: 'IP', summary: 'gateway of its nics' },
    resolvers: { type: 'string', value: 'IP,…', summary: 'resolvers of its nics' },
    owners: { type: 'string', value: 'UUID,…', summary: 'only these accounts may use it' },
    mtu: { type: 'string', value: 'BYTES', summary: "largest packet (default: the nic tag's)" },
    description: { type: 'string', value: 'TEXT', summary: 'what it is for' },
  },
  verbs: [
    { name: 'list', run: async (asked) => shownList(asked, await askHead(asked.directory, { method: 'GET', path: '/networks' }), COLUMNS) },
    { name: 'get', operands: '<uuid or name>', operandCount: [1, 1], run: async (asked) => JSON.stringify(await askHead(asked.directory, { method: 'GET', path: pathOf(asked) }), null, 2) },
    { name: 'add', operands: '<name> <subnet>', operandCount: [2, 2], options: NEW, run: add },
    { name: 'ips', operands: '<uuid or name>', operandCount: [1, 1], run: async (asked) => shownList(asked, await askHead(asked.directory, { method: 'GET', path: `${pathOf(asked)}/ips` }), IP_COLUMNS) },
    { name: 'delete', operands: '<uuid or name>', operandCount: [1, 1], run: remove },
  ],
  examples: [
    ['zonewright head network add external 203.0.113.0/24 --nic-tag external --gateway 203.0.113.1 --start 203.0.113.10', 'nics of it get addresses from .10 on'],
    ['zonewright head network add storage fd00:7::/64 --nic-tag storage --vlan 70', 'IPv6, on VLAN 70'],
    ['zonewright head network ips external', 'the addresses that are used or reserved'],
  ],
});

function pathOf({ operands: [name = ''] }: VerbInvocation): string {
  return `/networks/${encodeURIComponent(name)}`;
}

async function add(asked: VerbInvocation): Promise<string> {
  const [name, text = ''] = asked.operands;
  const subnet = parseSubnet(text);
  const usual = subnet && {
    start: formatAddress({ family: subnet.family, value: subnet.first + 2n }),
    end: formatAddress({ family: subnet.family, value: subnet.last - 1n }),
  };
  const network = await askHead<WireObject>(asked.directory, {
    method: 'POST',
    path: '/networks',
    body: {
      name,
      subnet: text,
      nic_tag: textOf(asked, 'nic-tag'),
      vlan_id: textOf(asked, 'vlan') ?? 0,
      provision_start_ip: textOf(asked, 'start') ?? usual?.start,
      provision_end_ip: textOf(asked, 'end') ?? usual?.end,
      gateway: textOf(asked, 'gateway'),
      resolvers: textOf(asked, 'resolvers'),
      owner_uuids: textOf(asked, 'owners'),
      mtu: textOf(asked, 'mtu'),
      description: textOf(asked, 'description'),
    },
  });
  return asked.values['json'] ? JSON.stringify(network, null, 2) : String(network['uuid']);
}

async function remove(asked: VerbInvocation): Promise<string> {
  await askHead(asked.directory, { method: 'DELETE', path: pathOf(asked) });
  return '';
}
