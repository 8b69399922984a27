import { loadNode } from '../../../host/config/node-config.ts';
import { removeNicTag } from '../../../host/net/nic-tags.ts';
import { nodeErrors } from '../../errors.ts';
import type { Command } from '../program.ts';

export const deleteCommand: Command = {
  name: 'delete',
  summary: 'Delete a nic tag and the bridge that was made for it',
  operands: '<name>',
  operandCount: [1, 1],
  options: { force: { type: 'boolean', short: 'f', summary: 'even when stopped instances name it' } },
  async run({ values, operands: [name = ''] }) {
    const node = await loadNode();
    const { listRecords } = await import('../../../vmadm/store/records.ts');
    const users = (await listRecords(node)).filter(({ nics }) => nics.some((nic) => nic.nic_tag === name)).map(({ uuid }) => uuid);
    if (users.length > 0 && !values['force']) throw nodeErrors.NicTagInUse({ tag: name, vms: users.join(', ') });
    await removeNicTag(node, name);
    return 0;
  },
};
