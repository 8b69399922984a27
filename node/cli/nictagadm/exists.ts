import { loadNode } from '../../../host/config/node-config.ts';
import { readNicTags } from '../../../host/net/nic-tags.ts';
import type { Command } from '../program.ts';

export const existsCommand: Command = {
  name: 'exists',
  summary: 'Succeed when all of these nic tags exist',
  operands: '<name> [name ...]',
  operandCount: [1, Infinity],
  options: {},
  async run({ operands }) {
    const tags = await readNicTags(await loadNode());
    const missing = operands.filter((name) => !Object.hasOwn(tags, name));
    if (missing.length > 0) process.stderr.write(`nictagadm: nic tag(s) not found: ${missing.map((name) => JSON.stringify(name).slice(1, -1)).join(', ')}\n`);
    return missing.length === 0 ? 0 : 1;
  },
};
