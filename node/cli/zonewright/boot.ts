import type { Command } from '../program.ts';

export const bootCommand: Command = {
  name: 'boot',
  summary: 'Bring a RAM-booted node back from its pool, and boot the instances whose autoboot is true, once after each start of the host',
  options: {},
  examples: [['zonewright boot', 'what a unit does after a reboot; a second time it does nothing']],
  async run() {
    const { boot } = await import('../../boot/boot.ts');
    return boot((line) => process.stdout.write(`${line}\n`));
  },
};
