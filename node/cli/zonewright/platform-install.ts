import { platformErrors } from '../../platform/errors.ts';
import { openPlatformHost } from '../../platform/platform-host.ts';
import type { Command, Invocation } from '../program.ts';
import { untilInterrupted } from './until-interrupted.ts';

const SOURCE = { type: 'string', value: 'URL', summary: 'where images are to be had (default: the head node that this node has joined)' } as const;

export const availCommand: Command = {
  name: 'avail',
  summary: 'Platform images that could be installed and are not older than the one that runs',
  options: { source: SOURCE, all: { type: 'boolean', short: 'a', summary: 'older ones too' } },
  async run({ values }) {
    const [host, { platformSource, stampsAt }] = await Promise.all([openPlatformHost(), import('../../platform/head-source.ts')]);
    const stamps = await untilInterrupted(async (signal) => stampsAt(await platformSource(host.node, text(values['source'])), signal));
    const { stamp: running } = host.boot;
    for (const stamp of stamps) if (values['all'] || running === undefined || stamp >= running) process.stdout.write(`${stamp}\n`);
    return 0;
  },
};

export const installPlatformCommand: Command = {
  name: 'install',
  summary: 'Install a platform image: its signature and files are checked first, and what is interrupted leaves nothing',
  operands: '<directory|file.tar|file.iso|URL|media|stamp|latest> [pool]',
  operandCount: [1, 2],
  options: { source: SOURCE },
  examples: [
    ['zonewright platform install /root/platform-20261121T154200Z.tar', 'as `npm run platform` makes it'],
    ['zonewright platform install media', 'from the CD or USB stick in this machine'],
    ['zonewright platform install latest', 'from the head node'],
  ],
  async run({ operands: [from = '', pool], values }: Invocation) {
    const [host, { installPlatform }] = await Promise.all([openPlatformHost(), import('../../platform/install.ts')]);
    if (pool !== undefined && pool !== host.node.pool) throw platformErrors.OtherPool({ pool: host.node.pool, other: JSON.stringify(pool) });
    const { stamp, present } = await untilInterrupted((signal) => installPlatform(host, { from, source: text(values['source']), signal, say: (line) => process.stderr.write(`${line}\n`) }));
    process.stdout.write(`${stamp} is installed${present ? ' already' : ''}\n`);
    return 0;
  },
};

function text(value: Invocation['values'][string]): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
