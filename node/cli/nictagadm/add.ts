import { requireTagName } from '../../../host/net/nic-tags.ts';
import { parseNetwork } from '../../../host/net/ipv4.ts';
import { nodeErrors } from '../../errors.ts';
import type { Command } from '../program.ts';
import { openNicTags } from './open-nic-tags.ts';

export const addCommand: Command = {
  name: 'add',
  summary: 'Add a nic tag and its bridge',
  operands: '<name> [interface|mac]',
  operandCount: [1, 2],
  options: {
    local: { type: 'boolean', short: 'l', summary: 'a network of this node alone (an etherstub)' },
    bridge: { type: 'string', short: 'b', value: 'NAME', summary: 'use a bridge that the host has already' },
    address: { type: 'string', short: 'a', value: 'IP/PREFIX', summary: "the host's own address on it" },
  },
  examples: [
    ['nictagadm add external eth1', 'the network that eth1 is on; eth1 must have no address'],
    ['nictagadm add -l backend', 'a network between zones of this node'],
    ['nictagadm add -b br0 lan', 'a bridge that the host has configured itself'],
  ],
  async run({ values, operands: [name = '', uplink] }) {
    requireTagName(name);
    const bridge = values['bridge'] as string | undefined;
    const address = values['address'] as string | undefined;
    const ways = [uplink !== undefined, bridge !== undefined, values['local'] === true].filter(Boolean).length;
    if (ways !== 1) throw nodeErrors.UsageError({ reason: 'add: give either an interface, or -l, or -b' });
    if (address !== undefined) parseNetwork(address);
    await (await openNicTags()).add(name, { uplink, bridge, address });
    return 0;
  },
};
