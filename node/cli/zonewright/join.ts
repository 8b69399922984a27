import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { isSystemError } from '../../../host/errors/errors.ts';
import { nodeErrors } from '../../errors.ts';
import type { Command } from '../program.ts';

export const joinCommand: Command = {
  name: 'join',
  summary: 'Make this node one of a head node’s fleet',
  operands: '[token|-]',
  operandCount: [0, 1],
  options: {
    file: { type: 'string', short: 'f', value: 'PATH', summary: 'read the token from a file' },
    again: { type: 'boolean', summary: 'leave the head node that it has joined before' },
  },
  examples: [
    ['zonewright join -', 'read the token from standard input: other users of the host never see it'],
    ['zonewright join --file /root/token', 'the same, from a file'],
  ],
  async run({ values, operands: [operand] }) {
    const { joinFleet } = await import('../../join/join-fleet.ts');
    const token = await tokenFrom(operand, values['file'] as string | undefined);
    const { head, until } = await joinFleet({ token, again: values['again'] === true });
    process.stdout.write(`joined ${head}; the certificate is good until ${until.toISOString()} and renewed before\n`);
    return 0;
  },
};

async function tokenFrom(operand: string | undefined, file: string | undefined): Promise<string> {
  if (operand !== undefined && file !== undefined) throw nodeErrors.UsageError({ reason: 'join: a token is given or read from a file, not both' });
  if (file !== undefined) return readToken(file);
  if (operand !== undefined && operand !== '-') return operand;
  if (operand === undefined && process.stdin.isTTY) throw nodeErrors.UsageError({ reason: 'join: no token given' }, { hint: 'Give the token, `-` to read it from standard input, or --file.' });
  return text(process.stdin);
}

async function readToken(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'EACCES', 'EISDIR', 'ENOTDIR')) throw nodeErrors.UsageError({ reason: `join: cannot read the token from ${path}: ${error.code}` }, { cause: error });
    throw error;
  }
}
