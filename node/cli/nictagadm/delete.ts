import type { Command } from '../program.ts';
import { openNicTags } from './open-nic-tags.ts';

export const deleteCommand: Command = {
  name: 'delete',
  summary: 'Delete a nic tag and the bridge that was made for it',
  operands: '<name>',
  operandCount: [1, 1],
  options: { force: { type: 'boolean', short: 'f', summary: 'even when stopped instances name it' } },
  async run({ values, operands: [name = ''] }) {
    await (await openNicTags()).remove(name, { force: values['force'] === true });
    return 0;
  },
};
