import type { Command } from '../program.ts';
import { openNicTags } from './open-nic-tags.ts';

export const existsCommand: Command = {
  name: 'exists',
  summary: 'Succeed when all of these nic tags exist',
  operands: '<name> [name ...]',
  operandCount: [1, Infinity],
  options: {},
  async run({ operands }) {
    const present = new Set((await (await openNicTags()).list()).map(({ name }) => name));
    const missing = operands.filter((name) => !present.has(name));
    if (missing.length > 0) process.stderr.write(`nictagadm: nic tag(s) not found: ${missing.map((name) => JSON.stringify(name).slice(1, -1)).join(', ')}\n`);
    return missing.length === 0 ? 0 : 1;
  },
};
