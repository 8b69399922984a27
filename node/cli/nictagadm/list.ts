import { readFileIfPresent } from '../../../host/files/atomic.ts';
import { loadNode } from '../../../host/config/node-config.ts';
import { readNicTags, type NicTag } from '../../../host/net/nic-tags.ts';
import type { Command } from '../program.ts';

const HEADINGS = ['NAME', 'MACADDRESS', 'LINK', 'TYPE'];

export const listCommand: Command = {
  name: 'list',
  summary: 'List nic tags',
  options: {
    local: { type: 'boolean', short: 'l', summary: 'only networks of this node alone (etherstubs)' },
    parsable: { type: 'boolean', short: 'p', summary: 'for programs: no headings' },
    delimiter: { type: 'string', short: 'd', value: 'TEXT', summary: 'between the fields of -p (default: ":")' },
  },
  async run({ values }) {
    const tags = Object.entries(await readNicTags(await loadNode()));
    const rows = await Promise.all(tags.filter(([, tag]) => !values['local'] || typeOf(tag) === 'etherstub').map(([name, tag]) => rowOf(name, tag)));
    const delimiter = typeof values['delimiter'] === 'string' ? values['delimiter'] : ':';
    const lines = values['parsable'] ? rows.map((row) => row.join(delimiter)) : [HEADINGS, ...rows].map(columns);
    process.stdout.write(lines.map((line) => `${line}\n`).join(''));
    return 0;
  },
};

async function rowOf(name: string, tag: NicTag): Promise<string[]> {
  const mac = tag.uplink === undefined ? undefined : await readFileIfPresent(`/sys/class/net/${tag.uplink}/address`);
  return [name, mac?.trim() ?? '-', tag.uplink ?? tag.bridge, typeOf(tag)];
}

function typeOf(tag: NicTag): 'normal' | 'etherstub' {
  return tag.uplink === undefined && !tag.foreign ? 'etherstub' : 'normal';
}

function columns([name = '', mac = '', link = '', type = '']: readonly string[]): string {
  return `${name.padEnd(14)} ${mac.padEnd(18)} ${link.padEnd(14)} ${type}`;
}
