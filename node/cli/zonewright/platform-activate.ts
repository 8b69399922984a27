import { nodeErrors } from '../../errors.ts';
import { platformErrors } from '../../platform/errors.ts';
import { openPlatformHost, type PlatformHost } from '../../platform/platform-host.ts';
import { stampOf } from '../../platform/stamp.ts';
import type { Command } from '../program.ts';
import { untilInterrupted } from './until-interrupted.ts';

export const activatePlatformCommand: Command = {
  name: 'activate',
  summary: 'Boot into another platform image at the next start, on trial: when the node does not come up healthy it returns by itself',
  operands: '<stamp> [pool]',
  operandCount: [1, 2],
  options: {
    final: { type: 'boolean', summary: 'without a trial: from now on, whatever comes of it' },
    'trial-seconds': { type: 'string', value: 'N', summary: 'how long the node may take to be healthy, from the start of the kernel (default: 600)' },
  },
  examples: [
    ['zonewright platform activate 20261121T154200Z', 'then `systemctl reboot`'],
    ['zonewright platform list', 'afterwards: did it stay?'],
  ],
  async run({ operands: [stamp = '', pool], values }) {
    const [host, { activatePlatform }] = await Promise.all([openPlatformHost(), import('../../platform/activate.ts')]);
    requirePool(host, pool);
    const { trial } = await untilInterrupted((signal) =>
      activatePlatform(host, { stamp: stampOf(stamp), final: values['final'] === true, trialSeconds: seconds(values['trial-seconds']), signal, say: (line) => process.stderr.write(`${line}\n`) }),
    );
    process.stdout.write(trial ? `${stamp} is booted next, on trial: it stays when this node comes up healthy\n` : `${stamp} is booted from now on\n`);
    return 0;
  },
};

export const removePlatformCommand: Command = {
  name: 'remove',
  summary: 'Remove a platform image; not the one that runs or is booted next',
  operands: '<stamp> [pool]',
  operandCount: [1, 2],
  options: {},
  async run({ operands: [stamp = '', pool] }) {
    const [host, { removePlatform }] = await Promise.all([openPlatformHost(), import('../../platform/remove.ts')]);
    requirePool(host, pool);
    await removePlatform(host, stampOf(stamp));
    return 0;
  },
};

/** A node has one pool; SmartOS's commands take its name. */
function requirePool({ node }: PlatformHost, pool: string | undefined): void {
  if (pool !== undefined && pool !== node.pool) throw platformErrors.OtherPool({ pool: node.pool, other: JSON.stringify(pool) });
}

const SHORTEST_SECONDS = 60;

function seconds(text: unknown): number | undefined {
  if (text === undefined) return undefined;
  const number = /^\d{1,5}$/.test(String(text)) ? Number(text) : 0;
  if (number < SHORTEST_SECONDS) throw nodeErrors.UsageError({ reason: `activate: --trial-seconds ${JSON.stringify(text)} is not a number from ${SHORTEST_SECONDS} to 99999` });
  return number;
}
