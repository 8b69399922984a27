import { readFile } from 'node:fs/promises';
import { headErrors } from '../errors.ts';
import type { WireObject } from '../services.ts';
import { askHead } from '../ask-head.ts';
import { textOf } from './command.ts';
import { nounCommand, shownList, type VerbInvocation } from './verbs.ts';

const COLUMNS = { UUID: 'uuid', LOGIN: 'login', EMAIL: 'email', 'FIRST NAME': 'firstName', 'LAST NAME': 'lastName', COMPANY: 'companyName' };

export const accountCommand = nounCommand({
  name: 'account',
  summary: 'Who may use CloudAPI',
  options: {
    email: { type: 'string', value: 'ADDRESS', summary: 'where to reach who has it (needed)' },
    'first-name': { type: 'string', value: 'NAME', summary: 'their first name' },
    'last-name': { type: 'string', value: 'NAME', summary: 'their last name' },
    company: { type: 'string', value: 'NAME', summary: 'their company' },
    phone: { type: 'string', value: 'NUMBER', summary: 'their phone' },
  },
  verbs: [
    { name: 'list', run: async (asked) => shownList(asked, await askHead(asked.directory, { method: 'GET', path: '/accounts' }), COLUMNS) },
    { name: 'get', operands: '<uuid or login>', operandCount: [1, 1], run: async (asked) => JSON.stringify(await askHead(asked.directory, { method: 'GET', path: pathOf(asked) }), null, 2) },
    { name: 'add', operands: '<login>', operandCount: [1, 1], options: ['email', 'first-name', 'last-name', 'company', 'phone'], run: add },
  ],
  examples: [
    ['zonewright head account add alice --email alice@example.com', 'prints the uuid of the account'],
    ['zonewright head key add alice ~/.ssh/id_ed25519.pub', 'alice signs her requests with this key'],
  ],
});

export const keyCommand = nounCommand({
  name: 'key',
  summary: 'SSH public keys with which accounts sign their requests',
  options: { name: { type: 'string', short: 'n', value: 'NAME', summary: "what it is called (default: the key's comment)" } },
  verbs: [
    {
      name: 'list',
      operands: '<account>',
      operandCount: [1, 1],
      run: async (asked) => shownList(asked, await askHead(asked.directory, { method: 'GET', path: `${pathOf(asked)}/keys` }), { FINGERPRINT: 'fingerprint', NAME: 'name', SHA256: 'sha256' }),
    },
    { name: 'add', operands: '<account> <file.pub>', operandCount: [2, 2], options: ['name'], run: addKey },
    { name: 'delete', operands: '<account> <fingerprint or name>', operandCount: [2, 2], run: removeKey },
  ],
  examples: [['zonewright head key add alice ~/.ssh/id_ed25519.pub', "prints the key's fingerprint, which a triton profile names"]],
});

function pathOf({ operands: [account = ''] }: VerbInvocation): string {
  return `/accounts/${encodeURIComponent(account)}`;
}

async function add(asked: VerbInvocation): Promise<string> {
  const fields = { login: asked.operands[0], email: textOf(asked, 'email'), firstName: textOf(asked, 'first-name'), lastName: textOf(asked, 'last-name'), companyName: textOf(asked, 'company'), phone: textOf(asked, 'phone') };
  const account = await askHead<WireObject>(asked.directory, { method: 'POST', path: '/accounts', body: fields });
  return asked.values['json'] ? JSON.stringify(account, null, 2) : String(account['uuid']);
}

async function addKey(asked: VerbInvocation): Promise<string> {
  const key = await askHead<WireObject>(asked.directory, { method: 'POST', path: `${pathOf(asked)}/keys`, body: { key: await readKey(asked.operands[1] ?? ''), name: textOf(asked, 'name') } });
  return asked.values['json'] ? JSON.stringify(key, null, 2) : String(key['fingerprint']);
}

async function readKey(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw headErrors.InvalidArgument({ reason: `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}` }, { cause: error });
  }
}

async function removeKey(asked: VerbInvocation): Promise<string> {
  await askHead(asked.directory, { method: 'DELETE', path: `${pathOf(asked)}/keys/${encodeURIComponent(asked.operands[1] ?? '')}` });
  return '';
}
