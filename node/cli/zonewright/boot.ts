import type { Command } from '../program.ts';

export const bootCommand: Command = {
  name: 'boot',
  summary: 'Boot the instances whose autoboot is true, once after each start of the host',
  options: {},
  examples: [['zonewright boot', 'what a unit does after a reboot; a second time it does nothing']],
  async run() {
    const { bootInstances } = await import('../../boot/boot-instances.ts');
    const results = await bootInstances();
    for (const { uuid, outcome } of results) process.stdout.write(`${uuid}  ${outcome}\n`);
    return results.some(({ failed }) => failed) ? 1 : 0;
  },
};
