import { existsSync } from 'node:fs';
import { nodeConfigPath } from '../../../host/config/node-config.ts';
import type { Command } from '../program.ts';

export const bootCommand: Command = {
  name: 'boot',
  summary: 'Bring a RAM-booted node back from its pool, and boot the instances whose autoboot is true, once after each start of the host',
  options: {},
  examples: [['zonewright boot', 'what a unit does after a reboot; a second time it does nothing']],
  async run() {
    const [{ bootInstances }, { restoreNode, PLATFORM_FILE }] = await Promise.all([import('../../boot/boot-instances.ts'), import('../../boot/restore-node.ts')]);
    const restored = await restoreNode();
    if (restored !== undefined) await (await import('../../setup/setup.ts')).setUp({}, ({ step, fact }) => process.stdout.write(`${step}  ${fact}\n`));
    if (restored === undefined && existsSync(PLATFORM_FILE) && !existsSync(nodeConfigPath())) {
      process.stdout.write('This machine is no node yet, or was started without looking for its pool. `zonewright setup --disk DEVICE` makes it one.\n');
      return 0;
    }
    const results = await bootInstances();
    for (const { uuid, outcome } of results) process.stdout.write(`${uuid}  ${outcome}\n`);
    return results.some(({ failed }) => failed) ? 1 : 0;
  },
};
