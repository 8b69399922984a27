import type { Command } from '../program.ts';
import { openNicTags } from './open-nic-tags.ts';

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
    const tags = (await (await openNicTags()).list()).filter(({ type }) => !values['local'] || type === 'etherstub');
    const rows = tags.map(({ name, mac = '-', link, type }) => [name, mac, link, type]);
    const delimiter = typeof values['delimiter'] === 'string' ? values['delimiter'] : ':';
    const lines = values['parsable'] ? rows.map((row) => row.join(delimiter)) : [HEADINGS, ...rows].map(columns);
    process.stdout.write(lines.map((line) => `${line}\n`).join(''));
    return 0;
  },
};

function columns([name = '', mac = '', link = '', type = '']: readonly string[]): string {
  return `${name.padEnd(14)} ${mac.padEnd(18)} ${link.padEnd(14)} ${type}`;
}
