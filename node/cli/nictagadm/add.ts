import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { readFileIfPresent } from '../../../host/files/atomic.ts';
import { loadNode } from '../../../host/config/node-config.ts';
import { hasInterface } from '../../../host/net/bridge.ts';
import { addNicTag, requireTagName } from '../../../host/net/nic-tags.ts';
import { parseNetwork } from '../../../host/net/ipv4.ts';
import { nodeErrors } from '../../errors.ts';
import type { Command } from '../program.ts';

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
    await addNicTag(await loadNode(), name, {
      ...(uplink === undefined ? {} : { uplink: await interfaceOf(uplink) }),
      ...(bridge === undefined ? {} : { bridge: requireInterfaceName(bridge) }),
      ...(address === undefined ? {} : { address }),
    });
    return 0;
  },
};

async function interfaceOf(text: string): Promise<string> {
  if (!/^([0-9a-f]{1,2}:){5}[0-9a-f]{1,2}$/i.test(text)) return requireInterfaceName(text);
  const mac = text.toLowerCase().split(':').map((byte) => byte.padStart(2, '0')).join(':');
  for (const name of await readdir('/sys/class/net')) {
    // A virtual interface repeats the address of the one below it.
    const physical = existsSync(`/sys/class/net/${name}/device`);
    if (physical && (await readFileIfPresent(`/sys/class/net/${name}/address`))?.trim() === mac) return name;
  }
  throw nodeErrors.NoSuchInterface({ interface: mac });
}

function requireInterfaceName(name: string): string {
  if (!hasInterface(name)) throw nodeErrors.NoSuchInterface({ interface: JSON.stringify(name).slice(1, -1) });
  return name;
}
