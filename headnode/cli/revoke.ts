import { askHead } from '../ask-head.ts';
import { DATA_OPTION, type HeadCommand } from './command.ts';
import { directoryOf } from './directory.ts';

export const revokeCommand: HeadCommand = {
  name: 'revoke',
  summary: 'Revoke all certificates of a node, or one certificate',
  operands: '<server uuid | certificate fingerprint>',
  operandCount: [1, 1],
  options: { ...DATA_OPTION },
  examples: [['zonewright head revoke 4a1d7f0e-52a1-4b7e-9f5c-3f2a8f2f6b11', 'the node must join again with a new token']],
  async run(invocation) {
    const [which = ''] = invocation.operands;
    const { revoked } = await askHead<{ revoked: readonly string[] }>(await directoryOf(invocation), { method: 'DELETE', path: `/certificates/${encodeURIComponent(which)}` });
    for (const fingerprint of revoked) process.stdout.write(`${fingerprint}\n`);
    return 0;
  },
};
