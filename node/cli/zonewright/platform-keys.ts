import { openPlatformHost } from '../../platform/platform-host.ts';
import type { Command } from '../program.ts';

export const listKeysCommand: Command = {
  name: 'list',
  summary: 'Keys that this node trusts',
  options: {},
  async run() {
    const [host, { listKeys }] = await Promise.all([openPlatformHost(), import('../../platform/keys.ts')]);
    const rows = (await listKeys(host)).map(({ name, id, from }) => [name, id, from === 'image' ? 'the platform image' : 'added']);
    process.stdout.write([['NAME', 'ID', 'FROM'], ...rows].map(([name = '', id = '', from = '']) => `${name.padEnd(20)} ${id.padEnd(18)} ${from}\n`).join(''));
    return 0;
  },
};

export const addKeyCommand: Command = {
  name: 'add',
  summary: 'Take platform images from whoever holds the private half of this key',
  operands: '<file.pem>',
  operandCount: [1, 1],
  options: {},
  async run({ operands: [path = ''] }) {
    const [host, { addKey }] = await Promise.all([openPlatformHost(), import('../../platform/keys.ts')]);
    process.stdout.write(`${await addKey(host, path)} is trusted\n`);
    return 0;
  },
};

export const removeKeyCommand: Command = {
  name: 'remove',
  summary: 'Trust a key that was added no longer',
  operands: '<name>',
  operandCount: [1, 1],
  options: {},
  async run({ operands: [name = ''] }) {
    const [host, { removeKey }] = await Promise.all([openPlatformHost(), import('../../platform/keys.ts')]);
    await removeKey(host, name);
    return 0;
  },
};
